"""Reads answers that hold JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.errors import RetriableVendorError
from tap_eventexport.engine.surrogates import tolerant

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_eventexport.engine.http import Answer

MOST_QUOTED = 200  # characters; what they say is in the first

Result = TypeVar("Result")


def decoded(answer: Answer, decode: Callable[[bytes], Result], what: str) -> Result:
    """What a decoder makes of an answer's body, in which halves of characters are replaced.

    Args:
        answer: The answer.
        decode: Makes the result, or raises as msgspec's decoders do.
        what: What the body should be, for the error.

    Raises:
        RetriableVendorError: If the body is something else, or only a part of it. The message
            names places in it, but quotes nothing.
    """
    try:
        return tolerant(decode)(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RetriableVendorError(f"{answer}, which is no {what}: {error}") from None


def quoted(said: object) -> str:
    """A vendor's own words as a part of a message: on one line, and not too many."""
    return " ".join(str(said).split())[:MOST_QUOTED]


def envelope(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer that tells of an error; empty where there is none."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
