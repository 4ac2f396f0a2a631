r"""Replaces lone surrogates, which are not valid in UTF-8.

In JavaScript an emoji is two surrogates. If a program cuts a text between them, JSON has an escape
such as `\ud83d` alone, and some programs write the lone surrogate as three bytes of UTF-8. Lone
surrogates become U+FFFD, so that one such text doesn't block all other events.
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
    "tap_eventexport.replace_lone_surrogates"  # an error handler for decoding UTF-8, like "strict"
)

_escape = re.compile(
    rb"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a surrogate pair
             | (?P<lone> u[dD][89a-fA-F][0-9a-fA-F]{2})
             | . )""",
    re.VERBOSE | re.DOTALL,
)
_lone_surrogate = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def replacing_lone_surrogates(decode: Callable[[bytes], Result]) -> Callable[[bytes], Result]:
    """Wrap a decoder, to replace lone surrogates in bodies that it refuses."""

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
    """Return the same JSON with U+FFFD for each lone surrogate."""
    return _escape.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], body)


def _replace_lone_surrogate(error: UnicodeError) -> tuple[str, int]:
    """Return U+FFFD for the three bytes of a lone surrogate; raise any other error."""
    if isinstance(error, UnicodeDecodeError) and _lone_surrogate.fullmatch(
        error.object, error.start, error.start + 3
    ):
        return "\ufffd", error.start + 3
    raise error


codecs.register_error(REPLACE_LONE_SURROGATES, _replace_lone_surrogate)
