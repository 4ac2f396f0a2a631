"""NUL characters in texts: JSON may hold them, and PostgreSQL among others refuses them."""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

MAX_ESCAPES = 64  # that are looked at one by one, which is the fastest way while they are few

_like_nul = re.compile(rb"\\u0000")
_nul = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def has_nul(lines: bytes) -> bool:
    """Whether a text in some lines of JSON holds a NUL."""
    place = lines.find(b"\\")
    for _ in range(MAX_ESCAPES):
        if place < 0:
            return False
        if lines.startswith(b"u0000", place + 1):
            return True
        place = lines.find(b"\\", place + 2)
    if place < 0 or not _like_nul.search(lines, place):
        return False
    return _nul.search(lines[place:]) is not None


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
        """Look at some records; on any thread."""
        is_open = not self._warned.locked()
        if is_open and has_nul(lines) and self._warned.acquire(blocking=False):
            self._logger.warning(
                "%s: a text holds a NUL character (\\u0000), which PostgreSQL refuses, and other "
                "stores may; see docs/recipes.md for what takes it out",
                self._stream,
            )
