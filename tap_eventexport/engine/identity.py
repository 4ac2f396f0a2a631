"""Keys for records that the vendor gives no id."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    twins are then numbered the same way whenever it is read, whatever pages they come on. About
    150 bytes are kept for each content of a scope.

    Args:
        seen: How often each content was seen before, where a scope is read in parts.
    """

    def __init__(self, seen: Mapping[str, int] | None = None) -> None:
        self._seen = Counter({bytes.fromhex(short): count for short, count in (seen or {}).items()})

    def key(self, content: str) -> str:
        """The key of the next record of a content: itself, or made with the twin's number."""
        short = _short(content)
        number = self._seen[short]
        self._seen[short] += 1
        return content if not number else hashlib.sha256(f"{content}#{number}".encode()).hexdigest()

    def seen(self, contents: Iterable[str]) -> dict[str, int]:
        """How often some contents were seen, as `TwinKeys` takes it; its names are contents too."""
        shorts = map(_short, contents)
        return {short.hex(): self._seen[short] for short in shorts}


def _short(content: str) -> bytes:
    return bytes.fromhex(content)[:16]
