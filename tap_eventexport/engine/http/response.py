"""A complete answer, and what it holds or stands for."""

from __future__ import annotations

import codecs
import gc
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.bodies.surrogates import replacing_lone_surrogates
from tap_eventexport.engine.errors import RateLimitedError, RetriableVendorError
from tap_eventexport.engine.http.headers import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


MOST_QUOTED = 200  # characters; what they say is in the first

LARGE = 1 << 20  # bytes; smaller bodies are decoded in a moment

UTF8_BOM = codecs.BOM_UTF8
UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WHITE_SPACE = b" \t\r\n"  # of JSON

Result = TypeVar("Result")
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer.

    Attributes:
        status: The HTTP status.
        headers: By name, in any case.
        body: Decoded from gzip and the like; empty where it is spooled.
        request: Method and URL without its query, for messages.
        spool: A file that holds the body as it came, at its start; only if it was asked for and
            the status is a success.
        size: The body's bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str
    spool: IO[bytes] | None = None
    size: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def __str__(self) -> str:
        kind = one_line(self.headers.get("Content-Type", "no content type").partition(";")[0])
        size = self.size or len(self.body)
        return f"{self.request} answered {self.status} with {size} bytes of {kind}"


def raise_for_transient_status(response: Response) -> None:
    """Raise for the statuses that any server may give for a while: 408, 429 and 5xx.

    Raises:
        RateLimitedError: For 429.
        RetriableVendorError: For 408 and 5xx.
    """
    wait = retry_after(response.headers)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimitedError(f"{response.request} answered 429, too many requests", wait)
    if (
        response.status == HTTPStatus.REQUEST_TIMEOUT
        or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        raise RetriableVendorError(f"{response}", wait)


def parse(
    response: Response,
    decode: Callable[[bytes], Result],
    what: str,
    refuse: Callable[[Response], Exception],
) -> Result:
    """What an answer holds, or the error that it stands for.

    Args:
        response: The answer.
        decode: Makes the result of the body of a success, see `decoded`.
        what: What that body should be, for the error.
        refuse: Makes the error of an answer that is neither a success nor a passing fault.

    Raises:
        RateLimitedError: For 429.
        RetriableVendorError: For 408 and 5xx, and if the body is something else.
        Exception: What `refuse` makes.
    """
    raise_for_transient_status(response)
    if not response.is_success:
        raise refuse(response)
    return parse_body(response, decode, what)


def parse_body(response: Response, decode: Callable[[bytes], Result], what: str) -> Result:
    """What a decoder makes of an answer's body, in which halves of characters are replaced.

    The decoder is given valid UTF-8 on one line, so that raw JSON that it keeps can be written as
    it is.

    Args:
        response: The answer.
        decode: Makes the result, or raises as msgspec's decoders do.
        what: What the body should be, for the error.

    Raises:
        RetriableVendorError: If the body is something else, or only a part of it. The message
            names places in it, but quotes nothing.
    """
    try:
        with _uncollected(response.body):
            return replacing_lone_surrogates(lambda body: decode(_on_one_line(body)))(
                _text(response.body)
            )
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RetriableVendorError(f"{response}, which is no {what}: {error}") from None


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


def one_line(said: object) -> str:
    """A vendor's own words as a part of a message: on one line, and not too many."""
    return " ".join(str(said).split())[:MOST_QUOTED]


def error_body(response: Response) -> dict[str, Any]:
    """The JSON object of an answer that tells of an error; empty where there is none."""
    try:
        return replacing_lone_surrogates(_decode_object)(_text(response.body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _text(body: bytes) -> bytes:
    """JSON without the mark that some servers put before it, which says that it is UTF-8.

    Raises:
        UnicodeError: If it is UTF-16.
    """
    if body.startswith(UTF16_BOMS):
        raise UnicodeError("it is UTF-16, not UTF-8")
    return body.removeprefix(UTF8_BOM)


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
