"""Keys for records that the vendor gives no id."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_canonical = msgspec.json.Encoder(order="sorted")


def content_key(values: Sequence[Any]) -> str:
    """SHA-256, in hex, of a record's values in a fixed order.

    Values are taken as parsed, objects by sorted names, so that spacing and the order of names
    in the vendor's answer make no difference.
    """
    return hashlib.sha256(_canonical.encode(values)).hexdigest()


class TwinKeys:
    """Keys for records of one scope, in which records alike in every value are told apart.

    A scope is what the vendor returns once and whole, such as the events of a day: the same
    twins are then numbered the same way whenever it is read, whatever pages they come on.

    Args:
        counts: How often each content was seen before, where a scope is read in parts.
    """

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts = Counter(counts or {})

    def key(self, values: Sequence[Any]) -> str:
        """The key of the next record: the content's own, or with the twin's number from 1 on."""
        content = content_key(values)
        number = self._counts[content]
        self._counts[content] += 1
        return content_key([*values, number]) if number else content

    def count(self, values: Sequence[Any]) -> tuple[str, int]:
        """A content, and how often it was seen."""
        content = content_key(values)
        return content, self._counts[content]
