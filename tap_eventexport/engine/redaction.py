"""No secret in any log line: every handler's text passes here last."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "***"
SHORTEST = 4  # characters: a shorter "secret" would mask ordinary words

_query_value = re.compile(r"([?&][\w.%\[\]-]+=)[^&\s\"'<>]+")


class RedactingFormatter(logging.Formatter):
    """Formats as another formatter does, then takes out secrets and the values in URLs.

    Args:
        inner: The formatter that makes the text.
        secrets: The values that must not appear in it, however they are quoted.
    """

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, its traceback included."""
        text = self._inner.format(record)
        if self._secret:
            text = self._secret.sub(MASK, text)
        return _query_value.sub(rf"\1{MASK}", text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]


def redact_logs(secrets: Iterable[str]) -> None:
    """Let every handler that exists now write redacted text."""
    known = list(secrets)
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        inner = handler.formatter or logging.Formatter()
        if isinstance(inner, RedactingFormatter):
            inner = inner._inner  # noqa: SLF001
        handler.setFormatter(RedactingFormatter(inner, known))
