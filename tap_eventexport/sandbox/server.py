"""The sandbox's web server: the vendors' responses, with optional faults and latency."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

TRUTH = "/sandbox/truth/"


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request.

    Attributes:
        query: Names and values in the order sent, including repeated names.
        headers: By lower-case name.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def first(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True, slots=True)
class Response:
    """A response.

    Attributes:
        framing: How the end of the body is marked: by Content-Length, by chunked encoding, or only
            by the end of the connection.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Literal["length", "chunks", "none"] = "length"


def json_response(status: int, value: object, kind: str = "application/json") -> Response:
    """Make a response with JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": kind})


class Vendor(Protocol):
    """A vendor of the sandbox: one file each."""

    @property
    def path(self) -> str:
        """The path whose requests, and those below it, are this vendor's."""

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's documents."""

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return the keys of a stream's events in [start, end); None for another vendor."""


@dataclass(slots=True)
class Fault:
    """A fault of some requests.

    Attributes:
        kind: `answer` sends `response` instead of the vendor's; `refuse` closes the connection at
            once; `reset` resets it inside the body; `short` sends less than announced and closes;
            `half` announces and sends only the first half; `gzip` compresses; `broken_gzip`
            truncates compressed data; `utf-8-sig` and `utf-16` use another encoding; `silence`
            waits `seconds` first.
        after: The number of requests without the fault before it.
        times: The number of requests with the fault after that.
        response: The response for `answer`.
        seconds: The length of a silence.
        path: Only requests whose path begins with this have the fault.
    """

    kind: str
    after: int = 0
    times: int = 1
    response: Response = field(default_factory=lambda: Response(500))
    seconds: float = 0.0
    path: str = ""

    def is_due(self, request: Request) -> bool:
        """Count a request; True if it has the fault."""
        if not request.path.startswith(self.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


class Sandbox:
    """A web server on loopback that simulates the vendors.

    Use it as a context manager. `requests` has all requests, `max_concurrency` the maximum number
    of concurrent requests.

    Args:
        vendors: The vendors.
        port: 0 chooses a free one.
        latency: Seconds before each response.
        now: The clock for the Date of responses.
    """

    def __init__(
        self,
        vendors: Sequence[Vendor],
        *,
        port: int = 0,
        latency: float = 0.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.vendors = vendors
        self.now = now
        self.latency = latency
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.max_concurrency = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sandbox = self

    @property
    def url(self) -> str:
        """The address of all vendors."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Request) -> tuple[Response, Fault | None]:
        """Return the response to a request, and its fault."""
        with self._lock:
            self.requests.append(request)
            fault = next((fault for fault in self.faults if fault.is_due(request)), None)
            self._at_once += 1
            self.max_concurrency = max(self.max_concurrency, self._at_once)
        try:
            time.sleep(self.latency + (fault.seconds if fault else 0.0))
            if fault and fault.kind == "answer":
                return fault.response, None
            return self._answer(request), fault
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(TRUTH):
            return self._truth(request)
        for vendor in self.vendors:
            if request.path.startswith(vendor.path):
                return vendor.answer(request)
        return json_response(404, {"title": "Not Found", "status": 404})

    def _truth(self, request: Request) -> Response:
        """Return the keys of a stream's events from `start` to `end`."""
        start, end = (
            datetime.fromisoformat(request.first(name) or "") for name in ("start", "end")
        )
        for vendor in self.vendors:
            keys = vendor.truth(request.path.removeprefix(TRUTH), start, end)
            if keys is not None:
                return json_response(200, keys)
        return json_response(404, [])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        response, fault = self.server.sandbox.take(request)
        self._send(response, fault.kind if fault else "")

    def _send(self, response: Response, fault: str) -> None:
        body, headers = response.body, dict(response.headers)
        if fault in {"gzip", "broken_gzip"}:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        if fault in {"utf-8-sig", "utf-16"}:
            body = body.decode().encode(fault)
        if fault in {"half", "broken_gzip"}:
            body = body[: len(body) // 2]
        if fault == "refuse":
            self._break()
            return
        self.send_response_only(response.status)
        framing = {
            "length": {"Content-Length": str(len(body))},
            "chunks": {"Transfer-Encoding": "chunked"},
            "none": {"Connection": "close"},
        }[response.framing]
        date = format_datetime(self.server.sandbox.now(), usegmt=True)
        for name, value in {"Date": date, **framing, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault in {"short", "reset"}:
            body = body[: len(body) // 2]
        if fault in {"short", "reset"} or response.framing == "none":
            self.close_connection = True
        if response.framing == "chunks":
            body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            body += b"0\r\n\r\n" if fault not in {"short", "reset"} else b""
        self.wfile.write(body)
        if fault == "reset":
            self._break()

    def _break(self) -> None:
        """Reset the connection instead of closing it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *args: object) -> None:
        """Log nothing: `Sandbox.requests` has the requests."""
