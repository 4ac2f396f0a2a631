"""What `tap | loader` says while it runs: the last line of a stream, and the STATE in it."""

from __future__ import annotations

import json
import select
from contextlib import suppress
from typing import IO, Any

CHUNK = 1 << 16  # bytes: what a pipe holds
LONGEST = 1 << 20  # bytes of a line that are kept; a STATE message is far shorter


class LastLine:
    """The last whole line of what is fed to it, found in linear time and bounded memory.

    Attributes:
        text: The line without its end; empty if there is none, or if it is too long.
    """

    def __init__(self) -> None:
        self.text = b""
        self._open = bytearray()  # what came behind the last line feed
        self._is_too_long = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
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
        """The value of the STATE that the last line holds, as a message or alone; None if none."""
        try:
            said = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        if isinstance(said, dict) and said.get("type") == "STATE":
            said = said.get("value")
        return said if isinstance(said, dict) and "bookmarks" in said else None


def copy(source: IO[bytes], target: IO[bytes]) -> dict[str, Any] | None:
    """Hand on all that comes, as it comes, and close both ends.

    Returns:
        The STATE with which the source ended. None if it ended otherwise, or if nobody reads the
        target any more, which is noticed while nothing comes, too.
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
    """The STATE with which a source ends, read to its end; None if it ends otherwise."""
    last = LastLine()
    while chunk := source.read1(CHUNK):  # type: ignore[attr-defined]
        last.feed(chunk)
    return last.state
