"""Bodies that are too large for memory, in temporary files that are gone when they are closed."""

from __future__ import annotations

import gzip
import tempfile
import weakref
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.network import TOO_MANY_FILES, has_no_descriptor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP = b"\x1f\x8b"
CHUNK = 1 << 20  # bytes
LARGEST = 16 << 30  # bytes decompressed: a day of 40 million rows, and no bomb that fills the disk


def spooled(chunks: Iterable[bytes], name: str) -> IO[bytes]:
    """A temporary file that holds a body, at its start.

    Args:
        chunks: The body.
        name: What it is the body of, for the error.

    Raises:
        FatalVendorError: If there is no room for it, or no end of it.
    """
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
    except OSError as error:
        raise no_room(name, error) from None
    try:
        for chunk in chunks:
            _write(file, chunk, name)
        _write(file, b"", name)
    except BaseException:
        with suppress(OSError):  # of what is still in its buffer
            file.close()
        raise
    file.seek(0)
    return file


def no_room(name: str, error: OSError) -> FatalVendorError:
    """What is told where something can't be written to a temporary file."""
    if has_no_descriptor():
        return FatalVendorError(f"{name} can't be spooled: {TOO_MANY_FILES}")
    return FatalVendorError(
        f"{name} can't be spooled in {tempfile.tempdir or 'any folder'}: {error.strerror}; make "
        "room there, or set TMPDIR to another folder"
    )


def _write(file: IO[bytes], chunk: bytes, name: str) -> None:
    try:
        file.write(chunk)
        if not chunk:
            file.flush()
    except OSError as error:
        raise no_room(name, error) from None
    if file.tell() > LARGEST:
        raise FatalVendorError(f"{name} is larger than {LARGEST >> 30} GiB")


class Spool:
    """A spooled body.

    Args:
        file: The body as it came; closed with the spool.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._keep(file)

    def close(self) -> None:
        """Drop the file."""
        self._drop()

    @property
    def size(self) -> int:
        """How many bytes it has now."""
        return self._file.seek(0, 2)

    def lines(self, size: int, longest: int) -> Iterator[bytes]:
        """Whole lines from where the file stands, some at a time, without the last line feed.

        Args:
            size: How many bytes are read at a time.
            longest: How many bytes a line may have.

        Raises:
            ValueError: If a line is longer.
        """
        rest = b""
        while chunk := self._file.read(size):
            lines, found, rest = (rest + chunk).rpartition(b"\n")
            if found:
                yield lines
            elif len(rest) > longest:
                raise ValueError(f"a line is longer than {longest >> 20} MiB")
        if rest:
            yield rest

    def _keep(self, file: IO[bytes]) -> None:
        """Close a file with this spool, also where nobody reads the spool to its end."""
        self._file = file
        self._drop = weakref.finalize(self, file.close)

    def decompress(self, name: str = "the body") -> None:
        """Decompress a body that is gzip, of one member or several.

        Raises:
            RetriableVendorError: If it is broken or only a part of one.
            FatalVendorError: If there is no room for what is in it.
        """
        self._file.seek(0)
        if self._file.read(len(GZIP)) != GZIP:
            return
        self._file.seek(0)
        plain = spooled(_decompressed(self._file), name)
        self.close()
        self._keep(plain)


def _decompressed(file: IO[bytes]) -> Iterable[bytes]:
    try:
        with gzip.GzipFile(fileobj=file) as plain:
            while chunk := plain.read(CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise RetriableVendorError("its compression ends early or is broken") from None
