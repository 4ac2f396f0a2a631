"""Reads answers that hold JSON."""

from __future__ import annotations

import codecs
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.errors import RetriableVendorError
from tap_eventexport.engine.surrogates import tolerant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.engine.http import Answer

MOST_QUOTED = 200  # characters; what they say is in the first

LARGE = 1 << 20  # bytes; smaller bodies are decoded in a moment

UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WHITE_SPACE = b" \t\r\n"  # of JSON

Result = TypeVar("Result")
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def decoded(answer: Answer, decode: Callable[[bytes], Result], what: str) -> Result:
    """What a decoder makes of an answer's body, in which halves of characters are replaced.

    The decoder is given valid UTF-8 on one line, so that raw JSON that it keeps can be written as
    it is.

    Args:
        answer: The answer.
        decode: Makes the result, or raises as msgspec's decoders do.
        what: What the body should be, for the error.

    Raises:
        RetriableVendorError: If the body is something else, or only a part of it. The message
            names places in it, but quotes nothing.
    """
    try:
        with _uncollected(answer.body):
            return tolerant(lambda body: decode(_on_one_line(body)))(_text(answer.body))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RetriableVendorError(f"{answer}, which is no {what}: {error}") from None


@contextmanager
def _uncollected(body: bytes) -> Iterator[None]:
    """Let nobody look for garbage while a large body is decoded, which makes none.

    A decoder lets no other thread run, and no signal be heard, before it has ended; looking
    through what it makes, again and again, takes most of that time.
    """
    is_paused = len(body) >= LARGE and gc.isenabled()
    if is_paused:
        gc.disable()
    try:
        yield
    finally:
        if is_paused:
            gc.enable()


def quoted(said: object) -> str:
    """A vendor's own words as a part of a message: on one line, and not too many."""
    return " ".join(str(said).split())[:MOST_QUOTED]


def envelope(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer that tells of an error; empty where there is none."""
    try:
        return tolerant(_decode_object)(_text(answer.body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _text(body: bytes) -> bytes:
    """JSON without the mark that some servers put before it, which says that it is UTF-8.

    Raises:
        UnicodeError: If it is UTF-16.
    """
    if body.startswith(UTF16_MARKS):
        raise UnicodeError("it is UTF-16, not UTF-8")
    return body.removeprefix(UTF8_MARK)


def _on_one_line(body: bytes) -> bytes:
    """The same JSON without line ends; other white space between values does no harm.

    Raises:
        UnicodeError: If it is not UTF-8, which a decoder doesn't see in what it keeps raw.
        msgspec.DecodeError: If it has line ends and is no JSON.
    """
    body = body.strip(WHITE_SPACE)
    if not body.isascii():
        body.decode()
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body
