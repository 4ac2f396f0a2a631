"""Finds NUL characters in texts: JSON allows them, but PostgreSQL and others refuse them."""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

MAX_ESCAPES = 64  # that are checked one by one, which is fastest if there are few

_like_nul = re.compile(rb"\\u0000")
_nul = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def has_nul(lines: bytes) -> bool:
    """Whether a text in some lines of JSON has a NUL character."""
    position = lines.find(b"\\")
    for _ in range(MAX_ESCAPES):
        if position < 0:
            return False
        if lines.startswith(b"u0000", position + 1):
            return True
        position = lines.find(b"\\", position + 2)
    if position < 0 or not _like_nul.search(lines, position):
        return False
    return _nul.search(lines[position:]) is not None


class NulWatch:
    """Warns once of a NUL in a stream's records, which some loaders can't store.

    Args:
        stream: The stream's name.
        logger: Where the warning goes.
    """

    def __init__(self, stream: str, logger: Logger) -> None:
        self._stream = stream
        self._logger = logger
        self._warned = Lock()  # held once it has

    def look(self, lines: bytes) -> None:
        """Check some records; on any thread."""
        is_open = not self._warned.locked()
        if is_open and has_nul(lines) and self._warned.acquire(blocking=False):
            self._logger.warning(
                "%s: a text holds a NUL character (\\u0000), which PostgreSQL refuses, and other "
                "databases may; docs/recipes.md shows how to remove it",
                self._stream,
            )
