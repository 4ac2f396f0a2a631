r"""Halves of characters, which no UTF-8 can hold.

JavaScript counts an emoji as two characters. Where a page cuts a text between them, JSON has an
escape such as `\ud83d` alone, and some programs write the half as if it were a character of UTF-8.
The replacement character U+FFFD takes its place, so that one such text doesn't keep all other
events back.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

REPLACE_LONE_SURROGATES = (
    "tap_eventexport.replace_halves"  # a way to decode UTF-8, as "strict" is one
)

_escape = re.compile(
    rb"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a whole character
             | (?P<half> u[dD][89a-fA-F][0-9a-fA-F]{2})
             | . )""",
    re.VERBOSE | re.DOTALL,
)
_half = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def replacing_lone_surrogates(decode: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """A decoder that takes what another one refuses for halves of characters alone."""

    def decode_whole(body: bytes) -> Result:
        try:
            return decode(body)
        except msgspec.DecodeError:
            whole = replace_lone_surrogates(body)
            if whole == body:
                raise
            return decode(whole)

    return decode_whole


def replace_lone_surrogates(body: bytes) -> bytes:
    """The same JSON with U+FFFD for each half of a character."""
    return _escape.sub(lambda found: rb"\ufffd" if found["half"] else found[0], body)


def _replace_lone_surrogate(error: UnicodeError) -> tuple[str, int]:
    """U+FFFD for the three bytes of a half; any other fault is raised."""
    if isinstance(error, UnicodeDecodeError) and _half.fullmatch(
        error.object, error.start, error.start + 3
    ):
        return "\ufffd", error.start + 3
    raise error


codecs.register_error(REPLACE_LONE_SURROGATES, _replace_lone_surrogate)
