"""A CSV in a spooled file: checked completely first, then read in batches."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import zlib
from itertools import chain, repeat
from typing import IO, TYPE_CHECKING

from tap_eventexport.engine.bodies.spool import CHUNK, GZIP, Spool
from tap_eventexport.engine.bodies.surrogates import REPLACE_LONE_SURROGATES
from tap_eventexport.engine.errors import RetriableVendorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BLOCK = 1_000  # rows that are in memory at a time
BLOCK_FIELDS = 1 << 18  # fields of these rows: with many columns, fewer rows are read
MOST_COLUMNS = 1 << 18  # more than any service has
HEAD = 1 << 18  # bytes that are searched for a header
LONGEST_FIELD = 16 << 20  # characters; longer than any field that a vendor accepts
UTF8_BOM = b"\xef\xbb\xbf"  # byte order mark
ERROR_WORD = b'"result"'
ERROR_OBJECT = re.compile(rb'\{\s*"result"\s*:\s*"fail"')
LONGEST_ERROR = 64  # bytes of an error object up to that match

csv.field_size_limit(LONGEST_FIELD)


class CsvSpool(Spool):
    """A spooled CSV with a header.

    UTF-8 with or without a byte order mark, with or without gzip, with any line ends.

    Args:
        file: The unchanged body; closed with the spool.

    Attributes:
        header: The names of the columns.
        rows: The number of rows that `check` found.
        ends_with_line: Whether `check` found a line end behind the last line. If there is none, the
            last field may have been cut.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.header: list[str] = []
        self.rows = 0
        self.ends_with_line = False
        self._is_plain = False

    def check(self, required: Sequence[str]) -> None:
        """Read the whole file once, and check that it is a complete CSV.

        Args:
            required: Columns without which it is another document.

        Raises:
            RetriableVendorError: If it isn't a CSV, is incomplete, or holds an error. The message
                quotes nothing from it.
        """
        self.decompress()
        self.ends_with_line = self._check_for_errors().endswith((b"\n", b"\r"))
        try:
            rows = self._count_plain(required)
        except ValueError:  # not text, or no lines: the CSV reader reports the error
            rows = None
        self._is_plain = rows is not None
        if rows is None:
            with self._text() as text:
                rows = self._count(csv.reader(text, strict=True), required)
        self.rows = rows

    def _count_plain(self, required: Sequence[str]) -> int | None:
        """Count the rows of a CSV without quotes, by commas and line feeds; None if it has some."""
        rows = -1
        for lines in self._plain_lines():
            lines.decode(errors=REPLACE_LONE_SURROGATES)
            if b'"' in lines or b"\r" in lines:
                return None
            counted = lines.split(b"\n")
            if rows < 0:
                header = counted[0].removeprefix(UTF8_BOM).decode(errors=REPLACE_LONE_SURROGATES)
                self.header = header.split(",")
                commas = len(self.header) - 1
                if set(required) - set(self.header):
                    return None
                self._check_header(required)
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
            self._check_header(required)
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

    def read_header(self, required: Sequence[str]) -> None:
        """Read only the header of a CSV, which may be cut off anywhere after it.

        Args:
            required: Columns without which it is another document.

        Raises:
            RetriableVendorError: If it isn't the header of a CSV.
        """
        self._file.seek(0)
        head = self._file.read(HEAD)
        is_cut = len(head) == HEAD
        try:
            if head.startswith(GZIP):
                plain = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                head = plain.decompress(head, HEAD)
                is_cut = not plain.eof
            _refuse_errors(head)
            decode = codecs.getincrementaldecoder("utf-8-sig")(REPLACE_LONE_SURROGATES).decode
            text = io.StringIO(decode(head), newline="")
            self.header = next(csv.reader(text), [])
        except (zlib.error, csv.Error, UnicodeDecodeError) as error:
            raise RetriableVendorError(f"its header is broken: {error}") from None
        if is_cut and not text.read(1):
            self.header = self.header[:-1]  # the last name may be incomplete
            if not self.header:
                raise RetriableVendorError("its header is incomplete")
        self._check_header(required)

    def _check_header(self, required: Sequence[str]) -> None:
        if missing := [name for name in required if self.header and name not in self.header]:
            raise RetriableVendorError(f"its header has no {', '.join(missing)}")
        if len(self.header) > MOST_COLUMNS:
            raise RetriableVendorError(f"its header has {len(self.header)} columns")

    def blocks(self, is_needed: Iterable[bool] = ()) -> Iterator[list[list[str]]]:
        """Yield the rows, some at a time; they can be read again until the spool is closed.

        Args:
            is_needed: For the first blocks, whether their rows are needed; others may be empty.
        """
        most = max(1, min(BLOCK, BLOCK_FIELDS // max(1, len(self.header))))
        if self._is_plain:
            return self._plain_blocks(most, chain(is_needed, repeat(True)))  # noqa: FBT003
        return self._quoted_blocks(most)

    def _plain_blocks(self, most: int, is_needed: Iterator[bool]) -> Iterator[list[list[str]]]:
        first = 1
        for lines in self._plain_lines():
            texts = lines.decode(errors=REPLACE_LONE_SURROGATES).split("\n")
            for start in range(first, len(texts), most):
                block = texts[start : start + most]
                yield [text.split(",") for text in block] if next(is_needed) else [[]] * len(block)
            first = 0

    def _quoted_blocks(self, most: int) -> Iterator[list[list[str]]]:
        """Yield rows; a batch also ends with each chunk of text, in case rows are long."""
        taken = 0

        def lines() -> Iterator[str]:
            nonlocal taken
            while chunk := text.readlines(CHUNK):
                taken += 1
                yield from chunk

        with self._text() as text:
            reader = csv.reader(lines(), strict=True)
            next(reader, None)
            block, begun = [], taken
            for row in reader:
                if row:
                    block.append(row)
                if len(block) == most or taken > begun:
                    yield block
                    block, begun = [], taken
            if block:
                yield block

    def _check_for_errors(self) -> bytes:
        """Look for an error message in the body; returns its last bytes."""
        self._file.seek(0)
        end = b""
        while chunk := self._file.read(CHUNK):
            data = end + chunk
            _refuse_errors(data)
            end = data[-LONGEST_ERROR:]
        return end

    def _text(self) -> IO[str]:
        """Open the text at its start; closing it leaves the file open."""
        self._file.seek(0)
        copy = os.dup(self._file.fileno())
        return open(copy, encoding="utf-8-sig", errors=REPLACE_LONE_SURROGATES, newline="")  # noqa: PTH123


def _refuse_errors(data: bytes) -> None:
    if ERROR_WORD in data and ERROR_OBJECT.search(data):
        raise RetriableVendorError("an error message replaces the rest of it")
