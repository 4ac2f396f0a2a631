"""Removes secrets and terminal control codes from all log lines."""

from __future__ import annotations

import json
import logging
import re
from copy import copy
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"
SHORTEST = 4  # characters: a shorter "secret" would mask ordinary words

_control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_query_value = re.compile(r"([?&][\w.%\[\]-]+=)[^&\s\"'<>]+")


class RedactingFormatter(logging.Formatter):
    """Uses another formatter, then removes secrets and the values in URLs.

    Control characters, which may come from a vendor, are escaped. So are line breaks in a message:
    each message is one line, and only a traceback has more lines.

    Args:
        inner: The formatter that makes the text.
        secrets: The values that must not appear in it, in any form of quoting.
    """

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, including its traceback."""
        line = copy(record)
        line.msg, line.args = record.getMessage().replace("\n", "\\n"), None
        text = self._inner.format(line)
        if self._secret:
            text = self._secret.sub(MASK, text)
        text = _query_value.sub(rf"\1{MASK}", text)
        return _control.sub(_escaped, text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def redact_logs(secrets: Iterable[str]) -> None:
    """Make every existing handler write redacted text."""
    known = list(secrets)
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        inner = handler.formatter or logging.Formatter()
        if isinstance(inner, RedactingFormatter):
            inner = inner._inner  # noqa: SLF001
        handler.setFormatter(RedactingFormatter(inner, known))
