"""Bodies that are too large for memory, in temporary files that are deleted when closed."""

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
LARGEST = 16 << 30  # bytes decompressed: a day of 40 million rows, but no gzip bomb


def spooled(chunks: Iterable[bytes], name: str) -> IO[bytes]:
    """Write a body to a temporary file, and return the file at its start.

    Args:
        chunks: The body.
        name: The name of the body, for the error.

    Raises:
        FatalVendorError: If the disk has no room for it, or it is too large.
    """
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the reader
    except OSError as error:
        raise no_room(name, error) from None
    try:
        for chunk in chunks:
            _write(file, chunk, name)
        _write(file, b"", name)
    except BaseException:
        with suppress(OSError):  # the buffer may not be writable
            file.close()
        raise
    file.seek(0)
    return file


def no_room(name: str, error: OSError) -> FatalVendorError:
    """Return the error for a temporary file that can't be written."""
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
        file: The unchanged body; closed with the spool.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._keep(file)

    def close(self) -> None:
        """Close and delete the file."""
        self._drop()

    @property
    def size(self) -> int:
        """The current size in bytes."""
        return self._file.seek(0, 2)

    def lines(self, size: int, longest: int) -> Iterator[bytes]:
        """Yield whole lines from the current position, some at a time, without the last line feed.

        Args:
            size: The number of bytes to read at a time.
            longest: The maximum length of a line, in bytes.

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
        """Close a file with this spool, even if the spool isn't read to its end."""
        self._file = file
        self._drop = weakref.finalize(self, file.close)

    def decompress(self, name: str = "the body") -> None:
        """Decompress the body if it is gzip, with one member or several.

        Raises:
            RetriableVendorError: If it is broken or incomplete.
            FatalVendorError: If the disk has no room for the content.
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
        raise RetriableVendorError("its gzip data is incomplete or broken") from None
