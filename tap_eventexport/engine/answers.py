"""Reads answers that hold JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.errors import RetriableVendorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_eventexport.engine.http import Answer

Result = TypeVar("Result")


def decoded(answer: Answer, decode: Callable[[bytes], Result], what: str) -> Result:
    """What a decoder makes of an answer's body.

    Args:
        answer: The answer.
        decode: Makes the result, or raises as msgspec's decoders do.
        what: What the body should be, for the error.

    Raises:
        RetriableVendorError: If the body is something else, or only a part of it. The message
            names places in it, but quotes nothing.
    """
    try:
        return decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RetriableVendorError(f"{answer}, which is no {what}: {error}") from None


def envelope(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer that tells of an error; empty where there is none."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
