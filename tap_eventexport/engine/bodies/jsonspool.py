"""JSON objects in a spooled file: checked first, then read in batches."""

from __future__ import annotations

import codecs
import json
import os
import re
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from tap_eventexport.engine.bodies.spool import CHUNK, Spool
from tap_eventexport.engine.bodies.surrogates import replacing_lone_surrogates
from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 18  # bytes that are in memory at a time, a few hundred objects
LONGEST_LINE = 4 * BLOCK  # bytes that are decoded at once; longer lines are split first
LONGEST_OBJECT = 16 << 20  # bytes; longer than any event that a vendor accepts
BLANKS = b" \t\r\n\xef\xbb\xbf"  # white space, and the bytes of a byte order mark
OTHERS = bytes(set(range(256)) - set(b'"{}[]'))  # all bytes without a meaning for the structure
FAULTS = (msgspec.DecodeError, ValueError, RecursionError)
_decode_object = replacing_lone_surrogates(msgspec.json.Decoder(dict[str, msgspec.Raw]).decode)
_decode_lines = replacing_lone_surrogates(msgspec.json.Decoder(msgspec.Raw).decode_lines)
_decode_next = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_between = re.compile(r"[ \t\r\n,\ufeff\[\]]*")
_brackets = re.compile(r"[\[\]]")
_escape = re.compile(rb"\\.", re.DOTALL)

Item = TypeVar("Item")
Result = TypeVar("Result")


class JsonSpool(Spool):
    """A spooled file of JSON objects, in any arrangement.

    A line may have one object or several; they may be in one array, in several, or in none. Between
    them may be white space, commas, brackets of arrays, and byte order marks from files that were
    joined. UTF-8, with or without gzip.

    Args:
        file: The unchanged body; closed with the spool.
        name: The name of the file, for errors.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file)
        self._name = name

    def check(self) -> None:
        """Check that the file is complete, before any object is read.

        Raises:
            FatalVendorError: If it is incomplete, or something else. The message quotes nothing
                from it.
        """
        try:
            self.decompress(self._name)
        except RetriableVendorError as error:
            raise self._broken(str(error)) from None
        begin = self._begin()
        if begin not in {b"", b"{", b"["}:
            raise self._broken("it begins with something else")
        try:
            self._check_encoding()
            if not (begin != b"[" and self._ends_with_an_object_in_a_line()):
                self._check_that_all_is_closed()
        except UnicodeDecodeError:
            raise self._broken("it is not UTF-8") from None

    def blocks(self, decode: Callable[[bytes], list[Item]]) -> Iterator[list[Item]]:
        """Yield the decoded objects, some at a time; the file is deleted at the end.

        Args:
            decode: Decodes several JSON objects on one line, so that raw JSON that it keeps can be
                written unchanged; may raise ValueError. Objects that it refuses may be decoded
                again, one by one.

        Raises:
            FatalVendorError: If an object can't be decoded. The decoder's error is shown, so it
                must not quote anything.
        """
        decode = _on_one_line(replacing_lone_surrogates(decode))
        with self._file:
            self._begin()
            offset = self._file.tell()
            try:
                for lines in self.lines(BLOCK, LONGEST_LINE):
                    items = decode(lines)
                    offset += len(lines) + 1
                    yield items
            except FAULTS:  # there isn't one object on each line, or one is broken
                yield from self._blocks_of_objects(decode, offset)

    def _broken(self, problem: str) -> FatalVendorError:
        return FatalVendorError(f"{self._name} is not a complete file of JSON objects: {problem}")

    def _broken_row(self, number: int, problem: object) -> FatalVendorError:
        """Return an error about the object with a number, counted from 1."""
        is_deep = isinstance(problem, RecursionError)
        said = "its values are nested too deeply" if is_deep else str(problem)
        return self._broken(f"row {number}: {said.replace('`$[0]', '`$')}")

    def _begin(self) -> bytes:
        """Return the first byte that isn't blank, and move the file to it."""
        self._file.seek(0)
        begin = self._file.read(BLOCK)
        said = begin.lstrip(BLANKS)
        self._file.seek(len(begin) - len(said) if said else 0)
        return said[:1]

    def _check_encoding(self) -> None:
        self._file.seek(0)
        decode = codecs.getincrementaldecoder("utf-8")().decode
        while chunk := self._file.read(CHUNK):
            decode(chunk)
        decode(b"", final=True)

    def _ends_with_an_object_in_a_line(self) -> bool:
        """Whether the last line is a complete object, or the file is empty."""
        last = self._end()
        last = last[last.rfind(b"\n") + 1 :].lstrip(BLANKS)
        try:
            _decode_object(last or b"{}")
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def _check_that_all_is_closed(self) -> None:
        """Refuse a file with a string, an object or an array that isn't closed."""
        is_closed = self._end().endswith((b"}", b"]"))
        self._file.seek(0)
        objects = arrays = is_in_string = 0
        rest = b""
        while is_closed and (chunk := self._file.read(CHUNK)):
            text = _escape.sub(b"", rest + chunk)
            rest = b"\\" if text.endswith(b"\\") else b""
            parts = text.translate(None, OTHERS).split(b'"')
            outside = b"".join(parts[is_in_string::2])
            objects += outside.count(b"{") - outside.count(b"}")
            arrays += outside.count(b"[") - outside.count(b"]")
            is_in_string ^= len(parts) - 1 & 1
        if not is_closed or is_in_string or objects or arrays:
            raise self._broken("it does not end with a whole JSON object or array")

    def _end(self) -> bytes:
        """Return the end of the file, without trailing blanks."""
        self._file.seek(max(0, self.size - LONGEST_OBJECT))
        return self._file.read().rstrip(BLANKS)

    def _blocks_of_objects(
        self, decode: Callable[[bytes], list[Item]], offset: int
    ) -> Iterator[list[Item]]:
        """Do the same as `blocks`, from an offset between two objects."""
        before = self._count(offset)
        for objects in self._objects(offset, before):
            try:
                yield decode(b"\n".join(objects))
            except FAULTS:
                for number, item in enumerate(objects, before + 1):
                    try:
                        decode(item)
                    except FAULTS as error:
                        raise self._broken_row(number, error) from None
                raise
            before += len(objects)

    def _count(self, end: int) -> int:
        """Return the number of objects before an offset."""
        self._begin()
        count, offset = 0, self._file.tell()
        for lines in self.lines(BLOCK, LONGEST_LINE) if offset < end else ():
            count += len(_decode_lines(lines))
            offset += len(lines) + 1
            if offset >= end:
                break
        return count

    def _objects(self, offset: int, before: int) -> Iterator[list[bytes]]:
        """Yield the objects from an offset on, each on one line, some at a time.

        Args:
            offset: The offset to begin at, in bytes.
            before: The number of objects before it.
        """
        depth = 0
        with open(os.dup(self._file.fileno()), encoding="utf-8", newline="") as file:  # noqa: PTH123
            file.seek(offset)
            text = file.read(BLOCK)
            while text:
                objects: list[bytes] = []
                depth, end = self._take(text, depth, objects, before)
                before += len(objects)
                if objects:
                    yield objects
                text = text[end:]  # an incomplete object; read twice as much, to parse it rarely
                more = file.read(max(BLOCK, len(text)))
                if text and (not more or len(text) > LONGEST_OBJECT):
                    raise self._broken_row(before + 1, "it is not a complete JSON object")
                text += more
        if depth:
            raise self._broken("its last array isn't closed")

    def _take(self, text: str, depth: int, objects: list[bytes], before: int) -> tuple[int, int]:
        """Take the complete objects of a text.

        Args:
            text: A part of the file that begins between two objects.
            depth: The number of arrays that are open at the start of the text.
            objects: The list that the objects are added to.
            before: The number of objects before the text.

        Returns:
            The number of arrays that are open at the end, and the offset of the first incomplete
            object.
        """
        offset = 0
        while True:
            between = _between.match(text, offset)
            if between and between.end() > offset:
                depth = self._depth(depth, between[0])
                offset = between.end()
            if offset == len(text):
                return depth, offset
            if text[offset] != "{":
                raise self._broken_row(before + len(objects) + 1, "it is not a JSON object")
            try:
                _, end = _decode_next(text, offset)
                objects.append(text[offset:end].encode())
            except json.JSONDecodeError:
                return depth, offset
            except FAULTS as error:
                raise self._broken_row(before + len(objects) + 1, error) from None
            offset = end

    def _depth(self, depth: int, between: str) -> int:
        """Return the number of open arrays after some brackets."""
        for bracket in _brackets.findall(between):
            depth += 1 if bracket == "[" else -1
            if depth < 0:
                raise self._broken("it closes an array that was never opened")
        return depth


def _on_one_line(decode: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """Wrap a decoder, to remove line ends, which can only be between values."""
    return lambda body: decode(body.replace(b"\n", b" ").replace(b"\r", b" "))
