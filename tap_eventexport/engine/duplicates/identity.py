"""Keys for records without an id from the vendor."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.bodies.disk_set import DiskHashSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SAFE_DIGITS = 15  # every float keeps this many

_canonical = msgspec.json.Encoder(order="sorted")


def content_key(values: Sequence[Any]) -> str:
    """Return the SHA-256, in hex, of a record's values in a fixed order.

    Values are parsed, and objects have sorted names, so that spaces and the order of names in the
    vendor's response make no difference.
    """
    return hashlib.sha256(_canonical.encode(values)).hexdigest()


def parsed(raw: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse a JSON value for `content_key`: numbers keep all their digits.

    Raises:
        msgspec.DecodeError: If it isn't JSON.
    """
    try:
        return _decode(raw)
    except msgspec.ValidationError:  # a whole number with more digits than Python converts
        return json.loads(bytes(raw), parse_int=_integer, parse_float=_number)


def _integer(text: str) -> int | msgspec.Raw:
    try:
        return int(text)
    except ValueError:
        return msgspec.Raw(text.encode())


def _number(text: str) -> float | msgspec.Raw:
    """Return a float, or the digits themselves if a float can't hold them."""
    value = float(text)
    is_plain = len(text) <= SAFE_DIGITS and "e" not in text and "E" not in text
    return value if is_plain or _is_written(text, value) else msgspec.Raw(text.encode())


def _is_written(text: str, value: float) -> bool:
    """Whether a text is one of the ways to write a float: shortest, with 17 digits, or exact."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # its exponent has dozens of digits
        return False
    return number in (Decimal(repr(value)), Decimal(f"{value:.17g}"), Decimal(value))


_decode = msgspec.json.Decoder(float_hook=_number).decode


class DuplicateKeys:
    """Keys for the records of one scope; duplicates get different keys.

    A scope is what the vendor returns once and completely, such as the events of a day or the files
    of an export. So duplicates get the same numbers in each reading, on any pages. The first has
    the key of its content; each further one has a key made with its number.

    64 bits of each used key are kept on disk. Among ten million contents, the chance of one
    collision is 1 in 400,000.

    Args:
        seen: How often each content occurred before, if a scope is read in parts.
    """

    def __init__(self, seen: Mapping[str, int] | None = None) -> None:
        self._given = DiskHashSet()
        for content, count in (seen or {}).items():
            for number in range(count):
                self._given.add(_bits(_numbered(content, number)))

    def key(self, content: str) -> str:
        """Return the key of the next record with a content."""
        if self._given.add(_bits(content)):
            return content
        key = _numbered(content, self._count(content))
        self._given.add(_bits(key))
        return key

    def keys(self, contents: Sequence[str]) -> Sequence[str]:
        """Return the keys of the next records with some contents."""
        if self._given.add_new([_bits(content) for content in contents]):
            return contents
        return [self.key(content) for content in contents]

    def seen(self, contents: Iterable[str]) -> dict[str, int]:
        """Return how often some contents occurred, for the argument `seen`."""
        return {content: self._count(content) for content in contents}

    def _count(self, content: str) -> int:
        """Return how often a content occurred: the first number that isn't used."""

        def is_free(number: int) -> bool:
            return _bits(_numbered(content, number)) not in self._given

        most = 1
        while not is_free(most):
            most *= 2
        return bisect_left(range(most), True, key=is_free)  # noqa: FBT003


def _numbered(content: str, number: int) -> str:
    return hashlib.sha256(f"{content}#{number}".encode()).hexdigest() if number else content


def _bits(key: str) -> int:
    return int(key[:16], 16)
