"""CSV that was spooled to a file: checked whole, then read in blocks."""

from __future__ import annotations

import csv
import gzip
import io
import re
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.errors import RetriableVendorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 1_000  # rows that are in memory at a time
LONGEST_FIELD = 16 << 20  # characters; longer than any field that a vendor takes in
GZIP = b"\x1f\x8b"
ERROR_OBJECT = re.compile(r'\{\s*"result"\s*:\s*"fail"')

csv.field_size_limit(LONGEST_FIELD)


class CsvSpool:
    """A spooled CSV with a header.

    UTF-8 with or without a byte order mark, compressed with gzip or not, any line ends.

    Args:
        file: The body as it came; closed with the spool.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.header: list[str] = []

    def close(self) -> None:
        """Drop the file."""
        self._file.close()

    def check(self, required: Sequence[str]) -> int:
        """Read it all once, and tell what isn't a whole CSV from what is.

        Args:
            required: Columns without which it is another document.

        Returns:
            The number of rows.

        Raises:
            RetriableVendorError: If it is no CSV, or only a part of one, or holds an error. The
                message quotes nothing of it.
        """
        rows = 0
        try:
            reader = csv.reader(self._checked_lines(), strict=True)
            self.header = next(reader, [])
            if missing := [name for name in required if self.header and name not in self.header]:
                raise RetriableVendorError(f"its header has no {', '.join(missing)}")
            for row in reader:
                if len(row) == len(self.header):
                    rows += 1
                elif row:
                    raise RetriableVendorError(
                        f"row {rows + 1} has {len(row)} fields, the header {len(self.header)}"
                    )
        except csv.Error as error:
            raise RetriableVendorError(f"row {rows + 1} is broken: {error}") from None
        except UnicodeDecodeError:
            raise RetriableVendorError(f"row {rows + 1} is not UTF-8") from None
        except (EOFError, gzip.BadGzipFile, OSError):
            raise RetriableVendorError("its compression ends early or is broken") from None
        return rows

    def blocks(self) -> Iterator[list[list[str]]]:
        """The rows, some at a time; the file is dropped at the end."""
        with self._file:
            reader = csv.reader(self._lines(), strict=True)
            next(reader, None)
            block = []
            for row in reader:
                if row:
                    block.append(row)
                if len(block) == BLOCK:
                    yield block
                    block = []
            if block:
                yield block

    def _checked_lines(self) -> Iterator[str]:
        for line in self._lines():
            if "result" in line and ERROR_OBJECT.search(line):
                raise RetriableVendorError("it holds an error instead of the rest")
            yield line

    def _lines(self) -> IO[str]:
        self._file.seek(0)
        is_compressed = self._file.read(len(GZIP)) == GZIP
        self._file.seek(0)
        data = gzip.GzipFile(fileobj=self._file) if is_compressed else self._file
        return io.TextIOWrapper(_Kept(data), encoding="utf-8-sig", newline="")


class _Kept(io.BufferedReader):
    """Reads a file, and doesn't close it with itself."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        super().__init__(file)  # type: ignore[arg-type]

    def close(self) -> None:
        """The spool closes the file."""
