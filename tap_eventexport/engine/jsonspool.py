"""JSON objects that were spooled to a file: checked, then read in blocks."""

from __future__ import annotations

import codecs
import json
import os
import re
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.spool import CHUNK, Spool
from tap_eventexport.engine.surrogates import tolerant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 18  # bytes that are in memory at a time, some hundred objects
LONGEST_OBJECT = 16 << 20  # bytes; longer than any event that a vendor takes in
MARK = b"\xef\xbb\xbf"  # byte order mark
_decode_object = tolerant(msgspec.json.Decoder(dict[str, msgspec.Raw]).decode)
_on_one_line = tolerant(lambda body: msgspec.json.format(body, indent=-1))
_commas = re.compile(r"[ \t\r\n,]*")

Item = TypeVar("Item")


class JsonSpool(Spool):
    """A spooled file of JSON objects: each on a line of its own, or all in one array.

    UTF-8, compressed with gzip or not. Lines end with a line feed and with nothing else; empty
    ones are skipped.

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
        last = self._last_line()
        try:
            self._check_encoding()
            if not (last.endswith(b"]") and self._begin() == b"["):
                _decode_object(last or b"{}")
        except UnicodeDecodeError:
            raise self._broken("it is not UTF-8") from None
        except msgspec.DecodeError:
            raise self._broken("it does not end with a whole JSON object") from None

    def blocks(self, decode: Callable[[bytes], list[Item]]) -> Iterator[list[Item]]:
        """What the objects are decoded to, some at a time; the file is dropped at the end.

        Args:
            decode: Decodes JSON objects, each behind the other; may raise ValueError.

        Raises:
            FatalVendorError: If one can't be decoded. The error's text is shown, so it must not
                quote anything.
        """
        with self._file:
            is_array = self._begin() == b"["
            blocks = self._array() if is_array else self.lines(BLOCK, LONGEST_OBJECT)
            try:
                yield from map(tolerant(decode), blocks)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise self._broken(str(error)) from None

    def _broken(self, problem: str) -> FatalVendorError:
        return FatalVendorError(f"{self._name} is no whole file of JSON objects: {problem}")

    def _check_encoding(self) -> None:
        self._file.seek(0)
        decode = codecs.getincrementaldecoder("utf-8")().decode
        while chunk := self._file.read(CHUNK):
            decode(chunk)
        decode(b"", final=True)

    def _begin(self) -> bytes:
        """The first byte that says something; the file then stands before it."""
        self._file.seek(0)
        begin = self._file.read(BLOCK)
        skipped = len(begin) - len(begin.removeprefix(MARK).lstrip())
        self._file.seek(skipped)
        return begin[skipped : skipped + 1]

    def _last_line(self) -> bytes:
        size = self.size
        self._file.seek(max(0, size - LONGEST_OBJECT))
        end = self._file.read().rstrip()
        return end[end.rfind(b"\n") + 1 :].removeprefix(MARK).strip()

    def _array(self) -> Iterator[bytes]:
        """The objects of the array, each on one line."""
        decode = json.JSONDecoder().raw_decode
        with open(os.dup(self._file.fileno()), encoding="utf-8", newline="") as file:  # noqa: PTH123
            file.seek(self._file.tell())
            text, place = file.read(BLOCK), 1
            objects: list[bytes] = []
            while not text.startswith("]", place := _past_commas(text, place)):
                try:
                    _, end = decode(text, place)
                except (json.JSONDecodeError, RecursionError):
                    more = file.read(BLOCK)
                    if not more or len(text) - place > LONGEST_OBJECT:
                        raise self._broken("its array is broken") from None
                    yield b"\n".join(objects)
                    text, place, objects = text[place:] + more, 0, []
                else:
                    objects.append(_on_one_line(text[place:end].encode()))
                    place = end
            yield b"\n".join(objects)


def _past_commas(text: str, place: int) -> int:
    found = _commas.match(text, place)
    return found.end() if found else place
