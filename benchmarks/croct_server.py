"""Croct-like pages, ready made, as fast as Python's own server sends them.

croct_server.py EVENTS FIRST LAST LATENCY: so many events, evenly spread over [FIRST, LAST) in
milliseconds since 1970; each answer takes LATENCY seconds. Prints its address, then a line for
each request to /count: how many were answered before.
"""

from __future__ import annotations

import bisect
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA = (
    b'{"metadata":{"organizationName":"Acme Corp","organizationSlug":"acme-corp",'
    b'"workspaceName":"Production","workspaceSlug":"production-app",'
    b'"applicationName":"E-commerce Store","applicationSlug":"ecommerce-store"},"items":['
)
EVENT = (
    '{"id":"924f6c8f-3b5b-47ea-b483-%012d","sessionId":"343dd18a-1ab1-4298-8b19-f14880ba4e9c",'
    '"userId":"91d286ab-654a-47a3-ae3f-a0c0d661e44d","timestamp":%d,"context":{"type":"web",'
    '"tabId":"0b032685-0a7e-4cdd-9ff1-9d3af33507a4","url":"https://www.example.com/products/%d"},'
    '"payload":{"@type":"productViewed","product":{"productId":"%d","name":"Smartphone 9",'
    '"category":"smartphones","price":599.5,"tags":["a","b"]},"cart":{"currency":"EUR",'
    '"total":1299.99}}}'
)


class Events:
    """Events as one text, and where each begins.

    Args:
        events: The number and the time of each, in order of time.
    """

    def __init__(self, events: Iterable[tuple[int, int]]) -> None:
        self.times: list[int] = []
        texts = []
        for number, moment in events:
            self.times.append(moment)
            texts.append((EVENT % (number, moment, number, number)).encode())
        self.text = b",".join(texts)
        self.places = [0]
        for text in texts:
            self.places.append(self.places[-1] + len(text) + 1)

    def answer(self, query: str) -> bytes:
        """One answer; a cursor is the number of the next event."""
        asked = parse_qs(query)
        start, end, size = (int(asked[name][0]) for name in ("start", "end", "pageSize"))
        cursor = asked.get("cursor", [""])[0]
        first = int(cursor) if cursor else bisect.bisect_left(self.times, start)
        last = min(first + size, bisect.bisect_left(self.times, end))
        following = str(last) if last < len(self.times) and self.times[last] < end else ""
        items = self.text[self.places[first] : self.places[last] - 1] if first < last else b""
        return METADATA + items + b'],"nextCursor":"' + following.encode() + b'"}'


def main() -> None:
    """Serve until the process is ended."""
    count, first, last = map(int, sys.argv[1:4])
    latency = float(sys.argv[4])
    times = (first + number * (last - first) // count for number in range(count))
    events = Events(enumerate(times))
    answered = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            nonlocal answered
            parts = urlsplit(self.path)
            if parts.path == "/count":
                body, answered = str(answered).encode(), 0
            elif parts.path == "/export/session":  # which no peer reads
                body = b'{"items":[],"nextCursor":""}'
            else:
                answered += 1
                time.sleep(latency)
                body = events.answer(parts.query)
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
