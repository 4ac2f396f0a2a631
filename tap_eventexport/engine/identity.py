"""Keys for records that the vendor gives no id."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_canonical = msgspec.json.Encoder(order="sorted")


def content_key(values: Sequence[Any]) -> str:
    """SHA-256, in hex, of a record's values in a fixed order.

    Values are taken as parsed, objects by sorted names, so that spacing and the order of names
    in the vendor's answer make no difference.
    """
    return hashlib.sha256(_canonical.encode(values)).hexdigest()
