"""CSV that was spooled to a file: checked whole, then read in blocks."""

from __future__ import annotations

import csv
import os
import re
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.errors import RetriableVendorError
from tap_eventexport.engine.spool import CHUNK, Spool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 1_000  # rows that are in memory at a time
LONGEST_FIELD = 16 << 20  # characters; longer than any field that a vendor takes in
MARK = b"\xef\xbb\xbf"  # byte order mark
ERROR_WORD = b'"result"'
ERROR_OBJECT = re.compile(rb'\{\s*"result"\s*:\s*"fail"')
LONGEST_ERROR = 64  # bytes up to there in an error object

csv.field_size_limit(LONGEST_FIELD)


class CsvSpool(Spool):
    """A spooled CSV with a header.

    UTF-8 with or without a byte order mark, compressed with gzip or not, any line ends.

    Args:
        file: The body as it came; closed with the spool.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.header: list[str] = []
        self._is_plain = False

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
        self.decompress()
        self._check_for_errors()
        try:
            rows = self._count_plain(required)
        except ValueError:  # no text, or no lines: the reader says what is wrong
            rows = None
        self._is_plain = rows is not None
        if rows is None:
            with self._text() as text:
                rows = self._count(csv.reader(text, strict=True), required)
        return rows

    def _count_plain(self, required: Sequence[str]) -> int | None:
        """The number of rows where all is so plain that commas and line feeds tell it."""
        rows = -1
        for lines in self._plain_lines():
            lines.decode()
            if b'"' in lines or b"\r" in lines:
                return None
            counted = lines.split(b"\n")
            if rows < 0:
                self.header = counted[0].removeprefix(MARK).decode().split(",")
                commas = len(self.header) - 1
                if set(required) - set(self.header):
                    return None
            if any(line.count(b",") != commas for line in counted):
                return None
            rows += len(counted)
        return None if rows < 0 else rows

    def _plain_lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        return self.lines(CHUNK, LONGEST_FIELD)

    def _count(self, reader: Iterator[list[str]], required: Sequence[str]) -> int:
        rows = 0
        try:
            self.header = next(reader, [])
            if missing := [name for name in required if self.header and name not in self.header]:
                raise RetriableVendorError(f"its header has no {', '.join(missing)}")
            width = len(self.header)
            for row in reader:
                if len(row) == width:
                    rows += 1
                elif row:
                    raise RetriableVendorError(
                        f"row {rows + 1} has {len(row)} fields, the header {width}"
                    )
        except csv.Error as error:
            raise RetriableVendorError(f"row {rows + 1} is broken: {error}") from None
        except UnicodeDecodeError:
            raise RetriableVendorError(f"row {rows + 1} is not UTF-8") from None
        return rows

    def blocks(self) -> Iterator[list[list[str]]]:
        """The rows, some at a time; the file is dropped at the end."""
        if self._is_plain:
            yield from self._plain_blocks()
            return
        with self._file, self._text() as text:
            reader = csv.reader(text, strict=True)
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

    def _plain_blocks(self) -> Iterator[list[list[str]]]:
        with self._file:
            first = 1
            for lines in self._plain_lines():
                texts = lines.decode().split("\n")
                for start in range(first, len(texts), BLOCK):
                    yield [text.split(",") for text in texts[start : start + BLOCK]]
                first = 0

    def _check_for_errors(self) -> None:
        self._file.seek(0)
        end = b""
        while chunk := self._file.read(CHUNK):
            data = end + chunk
            if ERROR_WORD in data and ERROR_OBJECT.search(data):
                raise RetriableVendorError("it holds an error instead of the rest")
            end = data[-LONGEST_ERROR:]

    def _text(self) -> IO[str]:
        """The text from its start; closing it leaves the file open."""
        self._file.seek(0)
        return open(os.dup(self._file.fileno()), encoding="utf-8-sig", newline="")  # noqa: PTH123
