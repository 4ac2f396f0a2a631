r"""Replaces NUL characters in texts: JSON allows them, but PostgreSQL and others refuse them.

A NUL becomes U+FFFD, as half a character does (`bodies/surrogates.py`), in values and in names, so
that one such text doesn't stop a loader for ever. `\\u0000`, which JSON has for a backslash and
five more characters, is none.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

MAX_ESCAPES = 64  # that are checked one by one, which is fastest if there are few

_like_nul = re.compile(rb"\\u0000")
_nul = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def replace_nul(lines: bytes) -> bytes:
    """Return some lines of JSON with U+FFFD for each NUL character."""
    return _nul.sub(rb"\1\\ufffd", lines) if has_nul(lines) else lines


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


class NulFilter:
    """Replaces NUL characters in a stream's records, and tells it once.

    Args:
        stream: The stream's name.
        logger: Where it is told.
    """

    def __init__(self, stream: str, logger: Logger) -> None:
        self._stream = stream
        self._logger = logger
        self._is_told = Lock()  # held once it is

    def __call__(self, lines: bytes) -> bytes:
        """Return some lines of JSON without NUL characters; on any thread."""
        replaced = replace_nul(lines)
        if replaced is not lines and self._is_told.acquire(blocking=False):
            self._logger.warning(
                "%s: a text holds a NUL character (\\u0000), which databases refuse; it is sent as "
                "U+FFFD",
                self._stream,
            )
        return replaced
