"""No secret passes a log handler, however it is quoted."""

from __future__ import annotations

import io
import json
import logging
from urllib.parse import quote_plus

import pytest

from tap_eventexport.console.redaction import RedactingFormatter, redact_logs

SECRET = 'pa"ss\\wörd/+ &='  # noqa: S105 - invented


@pytest.mark.parametrize(
    "text",
    [SECRET, quote_plus(SECRET), json.dumps({"key": SECRET}), repr(SECRET), f"a={SECRET}!"],
)
def test_a_secret_is_masked(text: str) -> None:
    formatter = RedactingFormatter(logging.Formatter(), [SECRET])
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%s", (text,), None)
    shown = formatter.format(record)
    assert "***" in shown
    assert "wörd" not in shown
    assert quote_plus("wörd") not in shown


def test_the_values_in_an_address_are_masked() -> None:
    formatter = RedactingFormatter(logging.Formatter(), [])
    record = logging.LogRecord("n", 20, "f", 1, "GET /x?start=1&cursor=eyJ HTTP/1.1", (), None)
    assert formatter.format(record) == "GET /x?start=***&cursor=*** HTTP/1.1"


def test_tracebacks_are_masked_and_every_handler_is_reached() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("tests.redaction")
    logger.addHandler(handler)
    try:
        redact_logs([SECRET])
        redact_logs([SECRET, "another-secret"])
        try:
            int(SECRET)
        except ValueError:
            logger.exception("it failed with another-secret")
    finally:
        logger.removeHandler(handler)
    assert "with base 10: '***'" in stream.getvalue()
    assert "it failed with ***" in stream.getvalue()


def test_what_moves_a_terminal_is_written_as_its_escape() -> None:
    formatter = RedactingFormatter(logging.Formatter(), [])
    record = logging.LogRecord("n", 20, "f", 1, "a\x1b[2J\rb\u202e\tc 한국", (), None)
    assert formatter.format(record) == "a\\x1b[2J\\rb\\u202e\tc 한국"


def test_a_message_is_one_line_and_a_traceback_keeps_its_lines() -> None:
    formatter = RedactingFormatter(logging.Formatter(), [])
    try:
        int("x")
    except ValueError as error:
        raised = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("n", 20, "f", 1, "a column %s", ("b\nERROR c",), raised)
    first, second, *_ = formatter.format(record).splitlines()
    assert first == "a column b\\nERROR c"
    assert second.startswith("Traceback")
    assert record.getMessage() == "a column b\nERROR c"
