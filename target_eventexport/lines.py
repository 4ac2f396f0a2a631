"""Reads lines from stdin as they come, in blocks."""

from __future__ import annotations

import fcntl
import os
import select
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import msgspec

from target_eventexport.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1024 * 1024  # bytes
SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)  # on Linux alone


class UnfinishedLineError(LoadError):
    """The input ended in the middle of a line."""


def stdin_blocks(descriptor: int, interval: float) -> Iterator[bytes]:
    """Yield what comes from a descriptor; nothing each time an interval has passed in silence."""
    if SET_PIPE_SIZE is not None:
        with suppress(OSError):  # no pipe, or no right to so large a one
            fcntl.fcntl(descriptor, SET_PIPE_SIZE, BLOCK)
    while True:
        ready, _, _ = select.select([descriptor], [], [], interval)
        block = os.read(descriptor, BLOCK) if ready else b""
        if ready and not block:
            return
        yield block


def file_blocks(file: IO[str]) -> Iterator[bytes]:
    """Yield the bytes of a file, whatever they are, or the text of one that is none."""
    source = getattr(file, "buffer", file)
    while some := source.read(BLOCK):
        yield some if isinstance(some, bytes) else some.encode()


def whole_lines(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of blocks, without their ends; none for an empty block.

    Raises:
        UnfinishedLineError: At the end, if the last line has no end and isn't JSON.
    """
    parts: list[bytes] = []
    for block in blocks:
        end = block.rfind(b"\n")
        if end < 0:
            parts.append(block)
            yield []
            continue
        lines = b"".join((*parts, block[:end])).split(b"\n")
        parts = [block[end + 1 :]]
        yield lines
    last = b"".join(parts)
    if last.strip():
        try:
            msgspec.json.decode(last)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise UnfinishedLineError(
                "the input ended in the middle of a line: the tap has failed; what came before is "
                "loaded"
            ) from None
        yield [last]
