"""Reads the output of `tap | loader`: the last line of a stream, and the STATE in it."""

from __future__ import annotations

import json
import select
from contextlib import suppress
from typing import IO, Any

CHUNK = 1 << 16  # bytes: the size of a pipe's buffer
LONGEST = 1 << 20  # bytes of a line that are kept; a STATE message is far shorter


class LastLine:
    """Finds the last whole line of its input, in linear time and bounded memory.

    Attributes:
        text: The line without its end; empty if there is none, or if it is too long.
    """

    def __init__(self) -> None:
        self.text = b""
        self._open = bytearray()  # the bytes after the last line feed
        self._is_too_long = False

    def feed(self, chunk: bytes) -> None:
        """Add the next bytes."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._extend(chunk)
            return
        begin = chunk.rfind(b"\n", 0, end) + 1
        if begin:
            self._open.clear()
            self._is_too_long = False
        self._extend(chunk[begin:end])
        self.text = b"" if self._is_too_long else bytes(self._open)
        self._open.clear()
        self._is_too_long = False
        self._extend(chunk[end + 1 :])

    def _extend(self, part: bytes) -> None:
        self._is_too_long = self._is_too_long or len(self._open) + len(part) > LONGEST
        if not self._is_too_long:
            self._open += part

    @property
    def state(self) -> dict[str, Any] | None:
        """The value of the STATE in the last line, as a message or alone; None if there is none."""
        try:
            said = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        if isinstance(said, dict) and said.get("type") == "STATE":
            said = said.get("value")
        return said if isinstance(said, dict) and "bookmarks" in said else None


def copy(source: IO[bytes], target: IO[bytes]) -> dict[str, Any] | None:
    """Copy all bytes as they arrive, then close both ends.

    Returns:
        The STATE at the end of the source. None if there is none, or if the target was closed,
        which is also noticed while no bytes arrive.
    """
    last = LastLine()
    poll = select.poll()
    poll.register(source, select.POLLIN)
    poll.register(target, 0)
    with suppress(BrokenPipeError), source, target:
        while True:
            events = dict(poll.poll())
            if events.get(target.fileno()):
                return None
            chunk = source.read1(CHUNK)  # type: ignore[attr-defined]
            if not chunk:
                return last.state
            target.write(chunk)
            target.flush()
            last.feed(chunk)
    return None


def last_state(source: IO[bytes]) -> dict[str, Any] | None:
    """Read a source to its end, and return the STATE in its last line; None if there is none."""
    last = LastLine()
    while chunk := source.read1(CHUNK):  # type: ignore[attr-defined]
        last.feed(chunk)
    return last.state
