"""Replaces what JSON can write, but no database can store.

NUL and halves of surrogate pairs are no characters that a text of PostgreSQL may have. Each becomes
U+FFFD, the sign for a character that can't be shown; a log line tells of the first.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
ESCAPE = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F].."  # a pair
    rb"|(?P<unstorable>\\u(?:0000|[dD][89a-fA-F]..))"
    rb"|\\."
)
REPLACEMENT = rb"\ufffd"

logger = logging.getLogger("target-eventexport")


def may_be_unstorable(text: bytes) -> bool:
    """Whether lines of JSON may have such a character."""
    return b"\\u" in text and UNSTORABLE.search(text) is not None


def storable(line: bytes) -> bytes:
    """Return a line of JSON without such characters."""
    return ESCAPE.sub(_stored, line)


def all_storable(lines: Sequence[bytes]) -> Sequence[bytes]:
    """Return lines of JSON without such characters; the same lines if none has one."""
    return [*map(storable, lines)] if any(map(may_be_unstorable, lines)) else lines


def _stored(escape: re.Match[bytes]) -> bytes:
    if not escape["unstorable"]:
        return escape[0]
    _tell()
    return REPLACEMENT


@cache
def _tell() -> None:
    logger.warning("a text has NUL or half of a surrogate pair, which becomes U+FFFD")
