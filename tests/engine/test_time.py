"""Whatever comes from outside is read in a time that grows with its length alone.

Each input is a mebibyte of the worst form for what reads it. A time that grew with the square of
the length would be hours; the limit is generous, for machines that are busy.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.console.redaction import RedactingFormatter
from tap_eventexport.engine.bodies import surrogates
from tap_eventexport.engine.http.client import without_query
from tap_eventexport.engine.http.headers import retry_after, sent_at
from tap_eventexport.engine.http.response import Response, error_body, one_line
from tap_eventexport.engine.names import quote_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

MEBIBYTE = 1 << 20
LIMIT = 20.0  # seconds of computing
FORMATTER = RedactingFormatter(
    logging.Formatter("%(message)s"), [f"secret-{number}-of-the-tests" for number in range(10)]
)


def logged(text: str) -> str:
    return FORMATTER.format(logging.LogRecord("tap", logging.INFO, "", 1, text, (), None))


def told(text: str) -> dict[str, Any]:
    return error_body(Response(400, {}, text.encode(), "GET x"))


def replace_lone_surrogates(text: str) -> bytes:
    return surrogates.replace_lone_surrogates(text.encode())


def waited(text: str) -> float | None:
    return retry_after({"Retry-After": text, "X-Rate-Limit-Reset": text})


def dated(text: str) -> datetime | None:
    return sent_at({"Date": text})


def shown_url(text: str) -> str:
    return without_query(f"https://host/{text}")


READERS = [logged, told, replace_lone_surrogates, waited, dated, shown_url, one_line, quote_name]
UNITS = ["?a", "a?b=", "&a=b?", "secret-1-", "[%", " ", "\x1b", "[", '{"a":', "[],", '"', "\\"]
MORE_UNITS = [r"\ud83d", r"\u", "1", "-", ",", "1:", "a ", "Sun, "]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("begin", ["", "?"])
def test_reading_is_linear(read: Callable[[str], object], begin: str) -> None:
    for unit in (*UNITS, *MORE_UNITS):
        worst = begin + unit * (MEBIBYTE // len(unit))
        began = time.process_time()
        read(worst)
        assert time.process_time() - began < LIMIT, repr(unit)
