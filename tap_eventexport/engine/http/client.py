"""The HTTP client for one vendor: limits concurrency, respects rate limits, and logs no secrets.

The client sends, waits and retries. The vendor's own reader gets every complete response, of any
status, and decides if it is data.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3

from tap_eventexport.engine.bodies.spool import spooled
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.http.clocks import Start, VendorClock, timer
from tap_eventexport.engine.http.headers import rate_limit_remaining, retry_after
from tap_eventexport.engine.http.response import Response
from tap_eventexport.engine.http.retry import MAX_ATTEMPTS, RetryPolicy
from tap_eventexport.engine.http.usage import Usage
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.network import WANTS_NAME, ca_bundle, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_eventexport.engine.http.rate_limit import TokenBucket
    from tap_eventexport.engine.shutdown import Shutdown

HURRIED_TIMEOUT = 30.0  # seconds, for --test and --discover
HURRIED_WAIT = 5.0  # seconds that a rate limit may ask for, for these
HURRIED_ATTEMPTS = 3
HURRIED_CONNECT = 10.0  # seconds
HURRIED_LONGEST = 15.0  # seconds after which a fault is the last one
MAX_BODY = 256 << 20  # bytes kept in memory; a page of 1000 events has about half a megabyte
MAX_REDIRECTS = 5
CHUNK = 1 << 20  # bytes read at a time: most responses need only one

Result = TypeVar("Result")
logger = logging.getLogger("tap-eventexport.http")


@dataclass(slots=True)
class _Shared:
    """State that all streams of a vendor share."""

    blocked_until: float = 0.0


class _Session(requests.Session):
    """A session that follows no redirects; the client does."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class HttpClient:
    """Sends requests to one vendor, for one of its streams and all its threads.

    Proxies and CA bundles of the environment are used, `.netrc` is not. TLS is always verified.
    A redirect is followed on the same host only.

    Args:
        vendor: The vendor's name, for messages.
        concurrency: Requests in flight at most.
        timeout: Seconds to connect, and seconds between two parts of a response.
        max_retry_wait: Seconds that rate limits may make one request wait in total.
        user_agent: Sent with each request.
        shutdown: Ends all waiting.
        quota: The rate limiter, of which each request takes a token; None if the vendor has none.
        start: When the run began; None is now.
    """

    def __init__(  # noqa: PLR0913 - each is a setting
        self,
        *,
        vendor: str,
        concurrency: int,
        timeout: float,
        max_retry_wait: float,
        user_agent: str,
        shutdown: Shutdown,
        quota: TokenBucket | None = None,
        start: Start | None = None,
    ) -> None:
        self.vendor = vendor
        self.concurrency = concurrency
        self.attempts = MAX_ATTEMPTS
        self.timeout = self.connect_timeout = timeout
        self._longest = math.inf
        self.max_retry_wait = max_retry_wait
        self._user_agent = user_agent
        self.shutdown = shutdown
        self._quota = quota
        self._in_flight = threading.BoundedSemaphore(concurrency)
        self._shared = _Shared()
        self.clock = VendorClock(vendor, start or Start.here())
        self.usage = Usage()
        self._local = threading.local()
        self._environments: dict[tuple[str, str], Mapping[str, Any]] = {}

    def for_another_stream(self) -> HttpClient:
        """Return a client with the same limits and pauses, but its own counts."""
        client = copy(self)
        client.usage = Usage()
        return client

    def fail_fast(self) -> None:
        """Use short timeouts, for interactive commands."""
        self.timeout = min(self.timeout, HURRIED_TIMEOUT)
        self.max_retry_wait = min(self.max_retry_wait, HURRIED_WAIT)
        self.attempts = HURRIED_ATTEMPTS
        self.connect_timeout = min(self.connect_timeout, HURRIED_CONNECT)
        self._longest = HURRIED_LONGEST

    def fetch(
        self,
        build: Callable[[], requests.Request],
        read: Callable[[Response], Result],
        *,
        is_spooled: bool = False,
        most: int | None = None,
    ) -> Result:
        """Send a request, retrying transient failures.

        Args:
            build: Makes the request; called for each attempt, so that each has its own signature.
            read: Makes the result from a response, or raises: RetriableVendorError for a transient
                failure, RateLimitedError for a rate limit, any other error to give up.
            is_spooled: Whether the body of a successful response is written to a file, unchanged.
            most: Stop reading such a body after this many bytes; None reads all of it.

        Raises:
            FatalVendorError: If the failures persist, or a rate limit requires too long a wait.
            ShutdownRequested: If a signal asked the run to end.
        """
        return self.retry(lambda: self._attempt(build, read, is_spooled=is_spooled, most=most))

    def retry(self, attempt: Callable[[], Result]) -> Result:
        """Call a function, retrying transient failures.

        Args:
            attempt: Returns the result or raises, as `read` of `fetch` does.

        Raises:
            FatalVendorError: If the failures persist, or a rate limit requires too long a wait.
            ShutdownRequested: If a signal asked the run to end.
        """
        policy = RetryPolicy(self.vendor, self.max_retry_wait, self.attempts, self._longest)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetriableVendorError),
            wait=policy.wait,
            stop=policy.is_over,
            before_sleep=policy.announce,
            sleep=self._wait_to_retry,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except RetriableVendorError as error:
            raise FatalVendorError(f"{error}; {policy.give_up_reason(error)}") from error

    def _attempt(
        self,
        build: Callable[[], requests.Request],
        read: Callable[[Response], Result],
        *,
        is_spooled: bool,
        most: int | None,
    ) -> Result:
        with self._in_flight:
            while (pause := self._shared.blocked_until - time.monotonic()) > 0:
                self.usage.paused(pause)
                self.shutdown.wait(pause)
            if self._quota:
                self._quota.acquire()
            self.shutdown.check()
            response = self._send(build(), is_spooled=is_spooled, most=most)
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise FatalVendorError(f"{response.request} failed: {WANTS_NAME}")
        if rate_limit_remaining(response.headers) == 0:
            self._block(retry_after(response.headers), "the rate limit is reached")
        try:
            return read(response)
        except RateLimitedError as error:
            self._block(error.wait)
            raise

    def _block(self, seconds: float | None, reason: str = "") -> None:
        """Pause all requests to this vendor, unless the pause is longer than `max_retry_wait`."""
        if not seconds or seconds > self.max_retry_wait:
            return
        until = time.monotonic() + seconds
        self._shared.blocked_until = max(self._shared.blocked_until, until)
        if reason:
            moment = datetime.now().astimezone() + timedelta(seconds=seconds)
            logger.warning(
                "%s: %s; the next request waits until %s",
                self.vendor,
                reason,
                moment.strftime("%H:%M:%S"),
            )

    def _wait_to_retry(self, seconds: float) -> None:
        self.usage.paused(seconds, retries=1)
        self.shutdown.wait(seconds)

    def _send(
        self, request: requests.Request, *, is_spooled: bool, most: int | None = None
    ) -> Response:
        request.headers = {"User-Agent": self._user_agent, **request.headers}
        request.auth = _no_netrc
        for _ in range(MAX_REDIRECTS):
            name = f"{request.method} {without_query(request.url)}"
            began = time.monotonic()
            try:
                response = self._exchange(request, name, is_spooled=is_spooled, most=most)
            except _UNSENT as error:
                words, is_lasting = fault(error)
                kind = FatalVendorError if is_lasting else RetriableVendorError
                raise kind(f"{name} failed: {words}") from None
            self.usage.answered(response.size or len(response.body))
            logger.debug("%s in %.3f s", response, time.monotonic() - began)
            if response.status not in _REDIRECTS:
                return response
            request.url = _redirected(response, request.url)
        raise FatalVendorError(f"{name} redirects {MAX_REDIRECTS} times in a row")

    def _exchange(
        self, request: requests.Request, name: str, *, is_spooled: bool, most: int | None
    ) -> Response:
        session = self._session()
        prepared = session.prepare_request(request)
        options = self._environment(session, request.url)
        asked = timer()
        with session.send(
            prepared,
            timeout=(self.connect_timeout, self.timeout),
            allow_redirects=False,
            **options,
        ) as response:
            self.clock.compare(response.headers, asked)
            if is_spooled and HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return _spooled(response, name, most)
            chunks, size = [], 0
            for chunk in response.iter_content(_chunk_size(response)):
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY:
                    raise FatalVendorError(
                        f"{name} sends more than {MAX_BODY >> 20} MiB in one response; "
                        "ask for smaller pages"
                    )
            return Response(response.status_code, response.headers, b"".join(chunks), name)

    def _environment(self, session: requests.Session, url: str) -> Mapping[str, Any]:
        """Return the proxies and CA bundle for a host; cached, since the lookup is slow."""
        host = urlsplit(url)[:2]
        if host not in self._environments:
            options = session.merge_environment_settings(url, {}, True, ca_bundle(), None)  # noqa: FBT003
            self._environments[host] = options
        return self._environments[host]

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = _Session()
        session: requests.Session = self._local.session
        return session


def _chunk_size(response: requests.Response) -> int:
    """The bytes to read at a time: a plain body as a whole, which urllib3 then need not copy."""
    is_plain = "Content-Encoding" not in response.headers
    length = response.raw.length_remaining if is_plain else None
    return min(length or CHUNK, CHUNK)


def _spooled(response: requests.Response, name: str, most: int | None) -> Response:
    """Write a body to a temporary file, unchanged: not even decompressed.

    With `most`, the rest after that many bytes isn't read.

    Raises:
        RetriableVendorError: If the response doesn't say where its body ends, so that a part of it
            would look complete.
        FatalVendorError: If the disk has no room for it.
    """
    headers = response.headers
    if (
        "Content-Length" not in headers
        and headers.get("Transfer-Encoding", "").lower() != "chunked"
    ):
        raise RetriableVendorError(
            f"{name}: the response has neither Content-Length nor chunked encoding, so it can't be "
            "checked"
        )
    chunks = response.raw.stream(min(CHUNK, most or CHUNK), decode_content=False)
    body = spooled(_first(chunks, most), f"the response to {name}")
    size = body.seek(0, 2)
    body.seek(0)
    return Response(response.status_code, headers, b"", name, body, size)


def _first(chunks: Iterator[bytes], most: int | None) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        if most and size >= most:
            return


_UNSENT = (  # what the libraries raise if there is no complete response
    OSError,  # includes the errors of requests
    urllib3.exceptions.HTTPError,
    UnicodeError,
    HTTPException,
)
_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


def endpoint(base: str, path: str) -> str:
    """Join a base URL, with or without a slash at its end, and a path."""
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def without_query(url: str) -> str:
    """Return a URL that is safe to show: without user, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid address"
    host = parts.netloc.rpartition("@")[2]
    return quote_name(f"{parts.scheme}://{host}{parts.path}")


def _redirected(response: Response, url: str) -> str:
    """Return the address that a redirect points to.

    Raises:
        FatalVendorError: If it is another host, or another kind of request.
    """
    location = response.headers.get("Location", "").strip()
    target, origin = "", None
    with suppress(ValueError):  # a server may send something that isn't an address
        target = urljoin(url, location.encode("latin-1").decode())  # as clients read it
        origin = _origin(target)
    if origin is None or not location:
        raise FatalVendorError(
            f"{response.request} answers {response.status} without a valid address in Location; "
            "check the vendor's API URL"
        )
    if origin != _origin(url):
        raise FatalVendorError(
            f"{response.request} redirects to {without_query(target)}; the credentials are not "
            "sent to another host, so set the vendor's API URL to that host"
        )
    if response.status == HTTPStatus.SEE_OTHER:
        raise FatalVendorError(
            f"{response.request} redirects to another page, {without_query(target)}, perhaps a "
            "login page; check the vendor's API URL"
        )
    return target


def _origin(url: str) -> tuple[str, str, int | None, str | None]:
    """The parts of an address that must be equal before credentials are sent after a redirect.

    Raises:
        ValueError: If it isn't a valid address.
    """
    parts = urlsplit(url)
    ports = {"http": 80, "https": 443}
    return parts.scheme, parts.hostname or "", parts.port or ports.get(parts.scheme), parts.username


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
