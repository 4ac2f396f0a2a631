"""One HTTP client for a vendor: bounded, polite, and silent about secrets.

The client sends, waits and tries again; whether an answer is data is said by the vendor's own
reader, which is handed every complete answer whatever its status.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import tenacity

from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_eventexport.engine.stop import Stop

MAX_ATTEMPTS = 6  # for passing faults: about 16 s of pauses, a vendor's short hiccup
FIRST_PAUSE = 0.5  # seconds; doubled at each further fault
LONGEST_PAUSE = 60.0  # seconds between two attempts where the vendor names no time
JITTER = 1.25  # so that windows that failed together are not asked for together again
MAX_BODY = 256 << 20  # bytes kept in memory; a page of 1000 events has about half a megabyte
MAX_REDIRECTS = 5
CHUNK = 1 << 16  # bytes read at a time

Result = TypeVar("Result")
logger = logging.getLogger("tap-eventexport.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer.

    Attributes:
        status: The HTTP status.
        headers: By name, in any case.
        body: Decoded from gzip and the like.
        request: Method and URL without its query, for messages.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str

    def __str__(self) -> str:
        kind = self.headers.get("Content-Type", "no content type").partition(";")[0]
        return f"{self.request} answered {self.status} with {len(self.body)} bytes of {kind}"


class HttpClient:
    """Sends requests to one vendor, for all of its streams and threads.

    Proxies and CA bundles of the environment are used, `.netrc` is not. TLS is always verified.
    A redirect is followed on the same host only.

    Args:
        vendor: The vendor's name, for messages.
        concurrency: Requests in flight at most.
        timeout: Seconds to connect, and seconds between two parts of an answer.
        max_retry_wait: Seconds that a rate limit may make one request wait in all.
        user_agent: Sent with each request.
        stop: Ends all waiting.
    """

    def __init__(  # noqa: PLR0913 - each is a setting
        self,
        *,
        vendor: str,
        concurrency: int,
        timeout: float,
        max_retry_wait: float,
        user_agent: str,
        stop: Stop,
    ) -> None:
        self.vendor = vendor
        self._timeout = timeout
        self.max_retry_wait = max_retry_wait
        self._user_agent = user_agent
        self._stop = stop
        self._in_flight = threading.BoundedSemaphore(concurrency)
        self._quiet_until = 0.0
        self._local = threading.local()

    def fetch(
        self, build: Callable[[], requests.Request], read: Callable[[Answer], Result]
    ) -> Result:
        """Send a request until it is answered with data, or there is no hope.

        Args:
            build: Makes the request; called for each attempt, so that each can be signed anew.
            read: Makes the result of an answer, or raises: RetriableVendorError for a passing
                fault, RateLimitedError for a quota, anything else to give up.

        Raises:
            FatalVendorError: If the faults last, or a rate limit asks for too long a wait.
            Stopped: If the run is asked to end.
        """
        patience = _Patience(self.vendor, self.max_retry_wait)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetriableVendorError),
            wait=patience.wait,
            stop=patience.is_over,
            before_sleep=patience.announce,
            sleep=self._stop.wait,
            reraise=True,
        )
        try:
            result: Result = retrying(self._attempt, build, read)
        except RetriableVendorError as error:
            raise FatalVendorError(f"{error}; {patience.verdict(error)}") from error
        return result

    def _attempt(
        self, build: Callable[[], requests.Request], read: Callable[[Answer], Result]
    ) -> Result:
        self._stop.wait(max(0.0, self._quiet_until - time.monotonic()))
        with self._in_flight:
            answer = self._send(build())
        try:
            return read(answer)
        except RateLimitedError as error:
            if error.wait and error.wait <= self.max_retry_wait:
                self._quiet_until = max(self._quiet_until, time.monotonic() + error.wait)
            raise

    def _send(self, request: requests.Request) -> Answer:
        request.headers = {"User-Agent": self._user_agent, **request.headers}
        request.auth = _no_netrc
        for _ in range(MAX_REDIRECTS):
            name = f"{request.method} {without_query(request.url)}"
            began = time.monotonic()
            try:
                answer = self._exchange(request, name)
            except requests.RequestException as error:
                raise RetriableVendorError(f"{name} failed: {_plainly(error)}") from None
            logger.debug("%s in %.3f s", answer, time.monotonic() - began)
            target = answer.headers.get("Location")
            if target is None or answer.status not in _REDIRECTS:
                return answer
            request.url = _same_host(answer, request.url, target)
        raise FatalVendorError(f"{name} redirects {MAX_REDIRECTS} times in a row")

    def _exchange(self, request: requests.Request, name: str) -> Answer:
        session = self._session()
        prepared = session.prepare_request(request)
        options = session.merge_environment_settings(prepared.url, {}, True, None, None)  # noqa: FBT003
        with session.send(
            prepared, timeout=(self._timeout, self._timeout), allow_redirects=False, **options
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > MAX_BODY:
                    raise FatalVendorError(
                        f"{name} sends more than {MAX_BODY >> 20} MiB in one answer; "
                        "ask for smaller pages"
                    )
            return Answer(response.status_code, response.headers, bytes(body), name)

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


def refuse_passing_faults(answer: Answer) -> None:
    """Raise for the statuses that any server may give for a while: 408, 429 and 5xx.

    Raises:
        RateLimitedError: For 429.
        RetriableVendorError: For 408 and 5xx.
    """
    wait = named_wait(answer.headers)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimitedError(f"{answer.request} answered 429, too many requests", wait)
    if (
        answer.status == HTTPStatus.REQUEST_TIMEOUT
        or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        raise RetriableVendorError(f"{answer}", wait)


def named_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks to wait, given as seconds or as a date; None without one.

    A date is measured against the answer's own Date, so that a wrong clock here does no harm.
    """
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    until = _date(value)
    if until is None:
        return None
    sent = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - sent).total_seconds())


def clock_difference(headers: Mapping[str, str]) -> timedelta:
    """How far this machine's clock is ahead of the server's; zero if the server doesn't tell."""
    sent = _date(headers.get("Date", ""))
    return datetime.now(UTC) - sent if sent else timedelta(0)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def without_query(url: str) -> str:
    """A URL as far as it may be shown: no user, no query, no fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _same_host(answer: Answer, url: str, target: str) -> str:
    target = urljoin(url, target)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise FatalVendorError(
            f"{answer.request} redirects to {without_query(target)}, where the credentials are "
            "not sent; set the vendor's API URL to the host that answers"
        )
    return target


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


_FAULTS: dict[type[requests.RequestException], str] = {  # the first that fits
    requests.exceptions.ProxyError: "the proxy can't be reached or refuses",
    requests.exceptions.SSLError: "the server's certificate can't be verified; behind a proxy "
    "that re-signs traffic, set REQUESTS_CA_BUNDLE to its CA",
    requests.exceptions.ConnectTimeout: "no connection within request_timeout",
    requests.exceptions.Timeout: "no answer within request_timeout",
    requests.exceptions.ChunkedEncodingError: "the body ended before its announced end",
    requests.exceptions.ContentDecodingError: "the body's compression is broken",
    requests.exceptions.ConnectionError: "the connection was refused, broke or fell silent",
}


def _plainly(error: requests.RequestException) -> str:
    """What happened; the library's own texts hold URLs and objects' addresses."""
    fitting = (text for kind, text in _FAULTS.items() if isinstance(error, kind))
    return next(fitting, "the request can't be sent")


class _Patience:
    """How long one request is tried again; handed to tenacity."""

    def __init__(self, vendor: str, max_retry_wait: float) -> None:
        self._vendor = vendor
        self._max_retry_wait = max_retry_wait
        self._faults = 0
        self._limits = 0

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next attempt; tells of the last one."""
        error = _error(state)
        if isinstance(error, RateLimitedError):
            self._limits += 1
            pause = 2 * FIRST_PAUSE * 2.0 ** (self._limits - 1)
        else:
            self._faults += 1
            pause = FIRST_PAUSE * 2.0 ** (self._faults - 1)
        if error.wait is None:
            return min(pause, LONGEST_PAUSE) * random.uniform(1.0, JITTER)  # noqa: S311
        return error.wait

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        """Whether to give up instead of waiting."""
        if not isinstance(_error(state), RateLimitedError) and self._faults >= MAX_ATTEMPTS:
            return True
        return state.idle_for + state.upcoming_sleep > self._max_retry_wait

    def announce(self, state: tenacity.RetryCallState) -> None:
        """Say what happened and how long the pause is."""
        pause = state.upcoming_sleep
        until = datetime.now().astimezone() + timedelta(seconds=pause)
        logger.warning(
            "%s: %s; trying again in %.1f s, at %s",
            self._vendor,
            _error(state),
            pause,
            until.strftime("%H:%M:%S"),
        )

    def verdict(self, error: RetriableVendorError) -> str:
        """Why there was no further attempt."""
        if self._faults >= MAX_ATTEMPTS:
            return f"gave up after {self._faults} attempts"
        asked = "" if error.wait is None else f" (it asks for {error.wait:.0f} s)"
        return (
            f"gave up because the wait{asked} would exceed "
            f"max_retry_wait={self._max_retry_wait:.0f} s"
        )


def _error(state: tenacity.RetryCallState) -> RetriableVendorError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetriableVendorError):
        raise TypeError("only passing faults are waited for")
    return error
