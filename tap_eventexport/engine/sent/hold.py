"""Lines that wait on disk until it is known if they must be sent."""

from __future__ import annotations

import struct
import tempfile
import weakref
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from tap_eventexport.engine.bodies.spool import no_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = struct.Struct("<qqqq")  # the fields of `Held`, but for the lines their length
MOST_BYTES = 1 << 30


class Held(NamedTuple):
    """Some lines.

    Attributes:
        span: The number of the span that they belong to; NO_SPAN if none.
        name: The number of the name that they are sent under.
        records: Their number.
        text: The lines.
    """

    span: int
    name: int
    records: int
    text: bytes


NO_SPAN = -1


class Hold:
    """Lines in the order in which they were read, in a temporary file.

    Args:
        name: The stream's name, for the error.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] | None = None
        self._begin = self._end = 0

    @property
    def is_empty(self) -> bool:
        """Whether no line waits."""
        return self._begin == self._end

    @property
    def is_full(self) -> bool:
        """Whether more would take too much room on the disk."""
        return self._end > MOST_BYTES

    def add(self, held: Held) -> None:
        """Add lines.

        Raises:
            FatalVendorError: If the disk has no room for them.
        """
        head = HEAD.pack(held.span, held.name, held.records, len(held.text))
        try:
            file = self._file = self._file or self._opened()
            file.seek(self._end)
            file.write(head + held.text)
            file.flush()
        except OSError as error:
            raise no_room(f"{self._name}: what is compared with STATE", error) from None
        self._end = file.tell()

    def take_while(self, is_judged: Callable[[int], bool]) -> Iterator[Held]:
        """Take lines out, from the first on, up to the first whose span isn't judged.

        Args:
            is_judged: Whether a span is judged, by its number.
        """
        while self._file and not self.is_empty:
            self._file.seek(self._begin)
            span, name, records, length = HEAD.unpack(self._file.read(HEAD.size))
            if not is_judged(span):
                return
            text = self._file.read(length)
            self._begin = self._file.tell()
            yield Held(span, name, records, text)
        self.close()

    def close(self) -> None:
        """Drop what waits."""
        self._begin = self._end = 0
        if self._file:
            _close(self._file)
        self._file = None

    def _opened(self) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the hold
        weakref.finalize(self, _close, file)
        return file


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # the buffer may not be writable
        file.close()
