r"""JSON with halves of characters, which no UTF-8 can hold.

JavaScript counts an emoji as two characters. Where a page cuts a text between them, JSON has an
escape such as `\ud83d` alone. The replacement character U+FFFD takes its place, so that one such
text doesn't keep all other events back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_escape = re.compile(
    rb"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a whole character
             | (?P<half> u[dD][89a-fA-F][0-9a-fA-F]{2})
             | . )""",
    re.VERBOSE | re.DOTALL,
)


def tolerant(decode: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """A decoder that takes what another one refuses for halves of characters alone."""

    def decode_whole(body: bytes) -> Result:
        try:
            return decode(body)
        except msgspec.DecodeError:
            whole = without_halves(body)
            if whole == body:
                raise
            return decode(whole)

    return decode_whole


def without_halves(body: bytes) -> bytes:
    """The same JSON with U+FFFD for each half of a character."""
    return _escape.sub(lambda found: rb"\ufffd" if found["half"] else found[0], body)
