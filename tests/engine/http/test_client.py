"""The HTTP client: patient where it helps, bounded, and careful with credentials."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import requests
import requests_mock
import tenacity

from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
    ShutdownRequested,
)
from tap_eventexport.engine.http import client as http_client
from tap_eventexport.engine.http import clocks, retry
from tap_eventexport.engine.http.client import HttpClient, endpoint, without_query
from tap_eventexport.engine.http.clocks import Start, VendorClock
from tap_eventexport.engine.http.headers import retry_after
from tap_eventexport.engine.http.response import Response, parse, raise_for_transient_status
from tap_eventexport.engine.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://vendor.example/events"


class PatientStop(Shutdown):
    """Remembers the waits instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.elapsed = 0.0

    def wait(self, seconds: float) -> None:
        self.check()
        if seconds:
            self.waits.append(seconds)
            self.elapsed += seconds


@pytest.fixture
def shutdown() -> PatientStop:
    return PatientStop()


@pytest.fixture
def client(shutdown: PatientStop, monkeypatch: pytest.MonkeyPatch) -> HttpClient:
    machine = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: machine() + shutdown.elapsed)
    monkeypatch.setattr(retry, "JITTER", 1.0)
    return HttpClient(
        vendor="Vendor",
        concurrency=2,
        timeout=7,
        max_retry_wait=100,
        user_agent="test/1",
        shutdown=shutdown,
    )


@pytest.fixture
def vendor() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker


def request(**options: Any) -> requests.Request:
    return requests.Request("GET", URL, headers={"X-Api-Key": "secret"}, **options)


def read(response: Response) -> bytes:
    raise_for_transient_status(response)
    return response.body


def test_an_answer_is_read(client: HttpClient, vendor: requests_mock.Mocker) -> None:
    vendor.get(URL, text="data")
    assert client.fetch(request, read) == b"data"
    (sent,) = vendor.request_history
    assert sent.headers["User-Agent"] == "test/1"
    assert sent.verify is True


def test_passing_faults_are_waited_out_with_growing_pauses(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    faults: list[dict[str, Any]] = [
        {"status_code": 500},
        {"exc": requests.ConnectTimeout},
        {"status_code": 408},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ]
    vendor.get(URL, [*faults, {"text": "data"}])
    assert client.fetch(request, read) == b"data"
    assert shutdown.waits == [0.5, 1.0, 2.0, 4.0]


def test_lasting_faults_end_after_six_attempts(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    vendor.get(URL, status_code=503, text="<html>")
    with pytest.raises(FatalVendorError, match=r"answered 503 .*; gave up after 6 attempts"):
        client.fetch(request, read)
    assert vendor.call_count == 6
    assert sum(shutdown.waits) == 15.5


def test_a_named_wait_is_kept_to_the_second_and_by_all_threads(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    limited = {"status_code": 429, "headers": {"Retry-After": "42"}}
    vendor.get(URL, [limited, {"text": "data"}])
    assert client.fetch(request, read) == b"data"
    assert shutdown.waits == [42]


def test_requests_that_queue_for_a_slot_keep_a_wait_that_came_meanwhile(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    client = HttpClient(
        vendor="Vendor",
        concurrency=1,
        timeout=7,
        max_retry_wait=100,
        user_agent="t",
        shutdown=shutdown,
    )
    is_sent, may_answer = threading.Event(), threading.Event()

    def last_of_the_quota(_request: Any, context: Any) -> str:
        is_sent.set()
        may_answer.wait(10)
        context.headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "30"}
        return "data"

    vendor.get(URL, [{"text": last_of_the_quota}, {"text": "data"}])
    threads = [threading.Thread(target=client.fetch, args=(request, read)) for _ in range(2)]
    threads[0].start()
    is_sent.wait(10)
    threads[1].start()
    may_answer.set()
    for thread in threads:
        thread.join(10)
    assert vendor.call_count == 2
    assert shutdown.waits
    assert 29 < shutdown.waits[0] <= 30


def test_rate_limits_without_a_wait_are_tried_as_long_as_max_retry_wait_allows(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    vendor.get(URL, status_code=429)
    with pytest.raises(FatalVendorError, match="would exceed max_retry_wait=100 s"):
        client.fetch(request, read)
    assert shutdown.waits == [0.5, 1, 2, 4, 8, 16, 32]


def test_a_named_wait_that_does_not_help_grows(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    vendor.get(URL, status_code=429, headers={"Retry-After": "0"})
    with pytest.raises(FatalVendorError, match="max_retry_wait"):
        client.fetch(request, read)
    assert shutdown.waits == [0.5, 1, 2, 4, 8, 16, 32]


def test_a_wait_that_is_too_long_fails_at_once(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    vendor.get(URL, status_code=429, headers={"Retry-After": "101"})
    with pytest.raises(FatalVendorError, match=r"it asks for 101 s.*max_retry_wait=100 s"):
        client.fetch(request, read)
    assert shutdown.waits == []


def test_each_attempt_is_built_anew(client: HttpClient, vendor: requests_mock.Mocker) -> None:
    vendor.get(URL, [{"status_code": 500}, {"text": "data"}])
    numbers = iter(range(10))
    client.fetch(lambda: request(params={"number": next(numbers)}), read)
    assert [sent.qs["number"] for sent in vendor.request_history] == [["0"], ["1"]]


def test_a_stopped_run_sends_nothing_more(
    client: HttpClient, vendor: requests_mock.Mocker, shutdown: PatientStop
) -> None:
    vendor.get(URL, status_code=500)
    shutdown.wait = Shutdown.wait.__get__(shutdown)  # type: ignore[method-assign]
    threading.Timer(0.2, shutdown._event.set).start()  # noqa: SLF001
    with pytest.raises(ShutdownRequested):
        client.fetch(request, read)
    assert vendor.call_count == 1


@pytest.mark.parametrize(
    "target",
    ["https://other.example/events", "http://vendor.example/events", "//other.example/x?key=s"],
)
def test_a_redirect_to_another_host_is_refused(
    client: HttpClient, vendor: requests_mock.Mocker, target: str
) -> None:
    vendor.get(URL, status_code=307, headers={"Location": target})
    with pytest.raises(
        FatalVendorError, match="the credentials are not sent to another host"
    ) as caught:
        client.fetch(request, read)
    assert vendor.call_count == 1
    assert "key=s" not in str(caught.value)


def test_a_redirect_on_the_same_host_is_followed_some_times(
    client: HttpClient, vendor: requests_mock.Mocker
) -> None:
    vendor.get(URL, status_code=308, headers={"Location": "/new"})
    vendor.get("https://vendor.example/new", text="data")
    assert client.fetch(request, read) == b"data"
    vendor.get(URL, status_code=308, headers={"Location": URL})
    with pytest.raises(FatalVendorError, match="redirects 5 times"):
        client.fetch(request, read)


def test_a_body_is_bounded(
    client: HttpClient, vendor: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "MAX_BODY", 1 << 20)
    vendor.get(URL, content=bytes((1 << 20) + 1))
    with pytest.raises(FatalVendorError, match="more than 1 MiB"):
        client.fetch(request, read)


def test_the_environments_ca_bundle_and_proxy_are_used_and_netrc_is_not(
    client: HttpClient,
    vendor: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine vendor.example login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/private/ca.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    vendor.get(URL, text="data")
    client.fetch(request, read)
    (sent,) = vendor.request_history
    assert sent.verify == "/private/ca.pem"
    assert sent.proxies["https"] == "http://proxy.example:3128"
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-Rate-Limit-Reset": "90"}, 90),
        ({"Retry-After": "nan", "X-Rate-Limit-Reset": "90"}, 90),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e308"}, 366 * 86_400),
        ({"X-Rate-Limit-Reset": "-1e308"}, 0),
        ({"X-Rate-Limit-Reset": "9" * 5_000}, None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, 366 * 86_400),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0),
        ({"Retry-After": "Mon, 01 Jan 99999 00:00:00 GMT"}, None),
        ({"Retry-After": "1772323290", "Date": "Sun, 01 Mar 2026 00:00:30 GMT"}, 60),
        ({"Retry-After": "1772323290500", "Date": "Sun, 01 Mar 2026 00:00:30 GMT"}, 60.5),
        (
            {
                "X-RateLimit-Reset": "Sun, 01 Mar 2026 00:02:00 GMT",
                "Date": "Sun, 01 Mar 2026 00:00:30 GMT",
            },
            90,
        ),
        ({"x-ratelimit-reset": "1772323290", "Date": "Sun, 01 Mar 2026 00:00:30 GMT"}, 60),
        ({"X-Rate-Limit-Reset": "1772323290500", "Date": "Sun, 01 Mar 2026 00:00:30 GMT"}, 60.5),
        ({"Retry-After": "5", "X-Rate-Limit-Reset": "90"}, 5),
        (
            {
                "Retry-After": "Sun, 01 Mar 2026 00:02:00 GMT",
                "Date": "Sun, 01 Mar 2026 00:00:30 GMT",
            },
            90,
        ),
        (
            {
                "Retry-After": "Sun, 01 Mar 2026 00:00:00 GMT",
                "Date": "Sun, 01 Mar 2026 00:00:30 GMT",
            },
            0,
        ),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(requests.structures.CaseInsensitiveDict(headers)) == seconds


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, RateLimitedError), (408, RetriableVendorError), (500, RetriableVendorError)],
)
def test_which_statuses_pass(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        raise_for_transient_status(Response(status, {}, b"", "GET x"))


def test_addresses_are_shown_without_query_and_user() -> None:
    assert without_query("https://u:p@h.example:1/a?key=s#f") == "https://h.example:1/a"


def test_only_passing_faults_are_waited_for() -> None:
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    with pytest.raises(TypeError):
        retry.RetryPolicy("Vendor", 1.0, 1).wait(state)


@pytest.mark.parametrize("minutes", [0, 10])
def test_a_slow_body_is_no_wrong_clock(
    client: HttpClient,
    vendor: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int,
) -> None:
    """The clocks are compared when the headers come."""
    start = Start(datetime(2026, 3, 1, 0, 10, tzinfo=UTC), 0.0)
    client.clock = VendorClock("Vendor", start)
    timers = iter((0.0, 0.5))
    monkeypatch.setattr(clocks, "timer", lambda: next(timers))
    monkeypatch.setattr(http_client, "timer", lambda: next(timers))

    date = f"Sun, 01 Mar 2026 00:{10 - minutes:02}:00 GMT"
    vendor.get(URL, text="{}", headers={"Date": date})
    client.fetch(lambda: requests.Request("GET", URL), lambda response: response)
    assert next(timers, None) is None  # nobody looked at it when the body had come
    assert client.clock.skew == timedelta(minutes=minutes, seconds=0.5 if minutes else 0)


@pytest.mark.parametrize("base", ["https://v.example/a", "https://v.example/a/"])
@pytest.mark.parametrize("path", ["/b/c", "b/c"])
def test_an_address_below_a_base(base: str, path: str) -> None:
    assert endpoint(base, path) == "https://v.example/a/b/c"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"5", None),
        (202, b"5", None),
        (200, b"five", RetriableVendorError),
        (429, b"5", RateLimitedError),
        (503, b"5", RetriableVendorError),
        (304, b"5", LookupError),
        (404, b"five", LookupError),
    ],
)
def test_passing_faults_come_before_refusals_and_these_before_the_body(
    status: int, body: bytes, error: type[Exception] | None
) -> None:
    response = Response(status, {}, body, "GET it")
    decode = msgspec.json.Decoder(int).decode
    with pytest.raises(error) if error else nullcontext():
        assert parse(response, decode, "number", lambda refused: LookupError(refused.status)) == 5
