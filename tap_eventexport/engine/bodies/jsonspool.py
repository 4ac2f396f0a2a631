"""JSON objects that were spooled to a file: checked, then read in blocks."""

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

BLOCK = 1 << 18  # bytes that are in memory at a time, some hundred objects
LONGEST_LINE = 4 * BLOCK  # bytes that are decoded at once; longer lines are taken apart first
LONGEST_OBJECT = 16 << 20  # bytes; longer than any event that a vendor takes in
BLANKS = b" \t\r\n\xef\xbb\xbf"  # white space, and the bytes of a byte order mark
OTHERS = bytes(set(range(256)) - set(b'"{}[]'))  # than the signs of structure
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
    """A spooled file of JSON objects, however they are put together.

    Each may be on a line of its own, or several on one; they may be in one array, in several, or
    in none. Between them may be white space, commas, the brackets of arrays, and byte order marks
    where files were joined. UTF-8, compressed with gzip or not.

    Args:
        file: The body as it came; closed with the spool.
        name: What it is, for errors.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file)
        self._name = name

    def check(self) -> None:
        """Tell a part of a file from a whole one, before anything of it is read.

        Raises:
            FatalVendorError: If it is not whole, or something else. Nothing of it is quoted.
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
        """What the objects are decoded to, some at a time; the file is dropped at the end.

        Args:
            decode: Decodes JSON objects, each behind the other on one line, so that raw JSON that
                it keeps can be written as it is; may raise ValueError. Objects that it refuses may
                be handed to it once more, one by one.

        Raises:
            FatalVendorError: If one can't be decoded. The error's text is shown, so it must not
                quote anything.
        """
        decode = _on_one_line(replacing_lone_surrogates(decode))
        with self._file:
            self._begin()
            place = self._file.tell()
            try:
                for lines in self.lines(BLOCK, LONGEST_LINE):
                    items = decode(lines)
                    place += len(lines) + 1
                    yield items
            except FAULTS:  # they aren't one on each line, or one of them is broken
                yield from self._blocks_of_objects(decode, place)

    def _broken(self, problem: str) -> FatalVendorError:
        return FatalVendorError(f"{self._name} is no whole file of JSON objects: {problem}")

    def _broken_row(self, number: int, problem: object) -> FatalVendorError:
        """An error that tells of the object with a number, from 1 on."""
        is_deep = isinstance(problem, RecursionError)
        said = "its values are nested too deeply" if is_deep else str(problem)
        return self._broken(f"row {number}: {said.replace('`$[0]', '`$')}")

    def _begin(self) -> bytes:
        """The first byte that says something; the file then stands before it."""
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
        """Whether the last line is a whole object, or there is none."""
        last = self._end()
        last = last[last.rfind(b"\n") + 1 :].lstrip(BLANKS)
        try:
            _decode_object(last or b"{}")
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def _check_that_all_is_closed(self) -> None:
        """Refuse a file in which a string, an object or an array begins that doesn't end."""
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
        """The end of the file, without blanks behind it."""
        self._file.seek(max(0, self.size - LONGEST_OBJECT))
        return self._file.read().rstrip(BLANKS)

    def _blocks_of_objects(
        self, decode: Callable[[bytes], list[Item]], place: int
    ) -> Iterator[list[Item]]:
        """As `blocks`, from a place on that is between two objects."""
        before = self._count(place)
        for objects in self._objects(place, before):
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
        """How many objects come before a place."""
        self._begin()
        count, place = 0, self._file.tell()
        for lines in self.lines(BLOCK, LONGEST_LINE) if place < end else ():
            count += len(_decode_lines(lines))
            place += len(lines) + 1
            if place >= end:
                break
        return count

    def _objects(self, place: int, before: int) -> Iterator[list[bytes]]:
        """The objects from a place on, each on one line, some at a time.

        Args:
            place: Where to begin, in bytes.
            before: How many objects come before.
        """
        depth = 0
        with open(os.dup(self._file.fileno()), encoding="utf-8", newline="") as file:  # noqa: PTH123
            file.seek(place)
            text = file.read(BLOCK)
            while text:
                objects: list[bytes] = []
                depth, end = self._take(text, depth, objects, before)
                before += len(objects)
                if objects:
                    yield objects
                text = text[end:]  # an object's begin; twice as much, so that it isn't read often
                more = file.read(max(BLOCK, len(text)))
                if text and (not more or len(text) > LONGEST_OBJECT):
                    raise self._broken_row(before + 1, "it is no whole JSON object")
                text += more
        if depth:
            raise self._broken("its last array has no end")

    def _take(self, text: str, depth: int, objects: list[bytes], before: int) -> tuple[int, int]:
        """Take the whole objects of a text.

        Args:
            text: A part of the file that begins between two objects.
            depth: In how many arrays the text begins.
            objects: Where the objects go.
            before: How many objects come before the text.

        Returns:
            In how many arrays the text ends, and where the first object begins that isn't whole.
        """
        place = 0
        while True:
            between = _between.match(text, place)
            if between and between.end() > place:
                depth = self._depth(depth, between[0])
                place = between.end()
            if place == len(text):
                return depth, place
            if text[place] != "{":
                raise self._broken_row(before + len(objects) + 1, "it is no JSON object")
            try:
                _, end = _decode_next(text, place)
                objects.append(text[place:end].encode())
            except json.JSONDecodeError:
                return depth, place
            except FAULTS as error:
                raise self._broken_row(before + len(objects) + 1, error) from None
            place = end

    def _depth(self, depth: int, between: str) -> int:
        """In how many arrays the file is behind some brackets."""
        for bracket in _brackets.findall(between):
            depth += 1 if bracket == "[" else -1
            if depth < 0:
                raise self._broken("an array ends that never began")
        return depth


def _on_one_line(decode: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """A decoder of the same JSON without line ends, which can only be between values."""
    return lambda body: decode(body.replace(b"\n", b" ").replace(b"\r", b" "))
