"""NUL characters in texts: JSON may hold them, and PostgreSQL among others refuses them."""

from __future__ import annotations

import re

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
