"""A complete response, and its parsing."""

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


MOST_QUOTED = 200  # characters of a vendor's message

LARGE = 1 << 20  # bytes; smaller bodies are decoded in a moment

UTF8_BOM = codecs.BOM_UTF8
UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WHITE_SPACE = b" \t\r\n"  # of JSON

Result = TypeVar("Result")
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response.

    Attributes:
        status: The HTTP status.
        headers: By name, in any case.
        body: The body, decompressed; empty if it is spooled.
        request: Method and URL without its query, for messages.
        spool: A file with the unchanged body, at its start; only if requested and the status is a
            success.
        size: The body's size in bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str
    spool: IO[bytes] | None = None
    size: int = 0

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def __str__(self) -> str:
        kind = one_line(self.headers.get("Content-Type", "no content type").partition(";")[0])
        size = self.size or len(self.body)
        return f"{self.request} answered {self.status} with {size} bytes of {kind}"


def raise_for_transient_status(response: Response) -> None:
    """Raise for statuses of transient failures: 408, 429 and 5xx.

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
    """Return the parsed body of a response, or raise the error that it stands for.

    Args:
        response: The response.
        decode: Makes the result from the body of a success, see `parse_body`.
        what: The expected kind of body, for the error.
        refuse: Makes the error for a response that is neither a success nor a transient failure.

    Raises:
        RateLimitedError: For 429.
        RetriableVendorError: For 408 and 5xx, and if the body is something else.
        Exception: The error that `refuse` makes.
    """
    raise_for_transient_status(response)
    if not response.is_success:
        raise refuse(response)
    return parse_body(response, decode, what)


def parse_body(response: Response, decode: Callable[[bytes], Result], what: str) -> Result:
    """Decode the body of a response, after replacing lone surrogates.

    The decoder gets valid UTF-8 on one line, so that raw JSON that it keeps can be written
    unchanged.

    Args:
        response: The response.
        decode: Makes the result, or raises as msgspec's decoders do.
        what: The expected kind of body, for the error.

    Raises:
        RetriableVendorError: If the body is something else, or incomplete. The message says where,
            but quotes nothing from the body.
    """
    try:
        with _uncollected(response.body):
            return replacing_lone_surrogates(lambda body: decode(_on_one_line(body)))(
                _text(response.body)
            )
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RetriableVendorError(
            f"{response}, which is not the expected {what}: {error}"
        ) from None


@contextmanager
def _uncollected(body: bytes) -> Iterator[None]:
    """Pause garbage collection while a large body is decoded, which makes no garbage.

    A decoder blocks other threads and signals until it ends. Repeated garbage collection would take
    most of that time.
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
    """Shorten a vendor's message to one line of at most `MOST_QUOTED` characters."""
    return " ".join(str(said).split())[:MOST_QUOTED]


def error_body(response: Response) -> dict[str, Any]:
    """Return the JSON object in an error response; empty if there is none."""
    try:
        return replacing_lone_surrogates(_decode_object)(_text(response.body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def _text(body: bytes) -> bytes:
    """Return JSON without the UTF-8 byte order mark that some servers put before it.

    Raises:
        UnicodeError: If it is UTF-16.
    """
    if body.startswith(UTF16_BOMS):
        raise UnicodeError("it is UTF-16, not UTF-8")
    return body.removeprefix(UTF8_BOM)


def _on_one_line(body: bytes) -> bytes:
    """Return the same JSON without line ends; other white space between values is kept.

    Raises:
        UnicodeError: If it is not UTF-8, which a decoder doesn't notice in raw values.
        msgspec.DecodeError: If it has line ends and isn't JSON.
    """
    body = body.strip(WHITE_SPACE)
    if not body.isascii():
        body.decode()
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body
