"""What lies between this machine and a vendor, and what the command says where it fails."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.singer import Tap
from tests.tls import DAY, Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta
    from pathlib import Path

    from tap_eventexport.sandbox.server import Sandbox
    from tests.singer import Run


ONE_WINDOW = "2026-03-02"  # ends one
NO_DESCRIPTOR = """
import os, resource, sys, requests
send = requests.Session.send
def send_without(*arguments, **options):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return send(*arguments, **options)
requests.Session.send = send_without
from tap_eventexport.tap import main
main()
"""


class Server:
    """Does one thing with each connection."""

    def __init__(self, do: Callable[[socket.socket], object]) -> None:
        self.connections = 0
        self._do = do
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._do(connection)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(do: Callable[[socket.socket], object]) -> Iterator[Server]:
    server = Server(do)
    try:
        yield server
    finally:
        server.close()


def answering(*lines: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"\r\n".join(lines))

    return answer


def reset(connection: socket.socket) -> None:
    connection.recv(9)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def failure(done: Run) -> str:
    """What the only stream is said to have failed for."""
    assert done.code == 1
    assert "Traceback" not in done.log
    return done.log_line("croct_events failed: ").partition("croct_events failed: ")[2]


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (reset, "the server closed the connection; gave up after 6 attempts"),
        (lambda _: None, "the server closed the connection; gave up after 6 attempts"),
        (lambda each: each.recv(1 << 20) and each.recv(1), "no response within request_timeout; "),
        (answering(b"220 mail.example ESMTP", b""), "the response is not HTTP; check the address"),
        (
            answering(b"HTTP/1.1 200 OK", b"Content-Length: 10", b"", b"{}"),
            "the body is shorter than announced; gave up after 6 attempts",
        ),
        (
            answering(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", b"", b"zz", b"{}"),
            "the body's chunks are broken; gave up after 6 attempts",
        ),
        (
            answering(
                b"HTTP/1.1 200 OK", b"Content-Encoding: gzip", b"Content-Length: 2", b"", b"{}"
            ),
            "the body's compression is broken; gave up after 6 attempts",
        ),
    ],
)
def test_a_server_that_answers_badly_is_asked_again_and_told(
    tap: Tap, do: Callable[[socket.socket], object], said: str
) -> None:
    with serving(do) as server:
        url = f"http://{server.host}"
        done = tap.hurried().run(croct_api_url=url, request_timeout=1, end_date=ONE_WINDOW)
    assert failure(done).startswith(f"GET {url}/export/events failed: {said}")
    assert server.connections == 6


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1:1", "the connection was refused; check the address and its port"),
        ("https://nowhere.invalid", "its host name can't be resolved; check the address, and"),
    ],
)
def test_an_address_where_nobody_is_is_told(tap: Tap, url: str, said: str) -> None:
    failed = failure(tap.hurried().run(croct_api_url=url))
    assert failed.startswith(f"GET {url}/export/events failed: {said}")
    assert failed.endswith("; gave up after 6 attempts")
    tested = tap.run("--test", croct_api_url=url)
    assert tested.code == 1
    assert said in tested.log


@pytest.mark.parametrize(
    ("certificate", "trusted", "said"),
    [
        (("127.0.0.1", DAY), "", "its certificate comes from no known CA; behind a proxy that"),
        (("127.0.0.1", -DAY), "SSL_CERT_FILE", "its certificate has expired, or isn't valid yet; "),
        (("127.0.0.1", 31 * DAY), "SSL_CERT_FILE", "its certificate has expired, or isn't valid"),
        (
            ("127.0.0.2", DAY),
            "SSL_CERT_FILE",
            "its certificate is for another host; check the addr",
        ),
        (("127.0.0.1", DAY), "SSL_CERT_FILE", None),
        (("127.0.0.1", DAY), "REQUESTS_CA_BUNDLE", None),
    ],
)
def test_certificates_are_verified_with_the_cas_that_the_environment_names(
    tap: Tap,
    sandbox: Sandbox,
    certificate: tuple[str, timedelta],
    trusted: str,
    said: str | None,
) -> None:
    authority = Authority(tap.folder)
    server = sandbox._server  # noqa: SLF001 - which knows no TLS
    server.socket = authority.server(*certificate).wrap_socket(server.socket, server_side=True)
    url = sandbox.url.replace("http:", "https:")
    environment = {trusted: str(authority.file)} if trusted else {}
    done = tap.run(environment=environment, croct_api_url=url)
    if said is None:
        assert len(done.heard.keys()) == 720
    else:
        assert failure(done).startswith(f"GET {url}/export/events failed: {said}")
        assert "trying again" not in done.log


@pytest.mark.parametrize("trusted", ["", "AWS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_store_is_verified_in_the_same_way(
    tmp_path: Path, sandbox: Sandbox, trusted: str
) -> None:
    """It is no store, which is told once it is trusted."""
    authority = Authority(tmp_path)
    server = sandbox._server  # noqa: SLF001
    server.socket = authority.server().wrap_socket(server.socket, server_side=True)
    settings: dict[str, Any] = {
        "infobip_mode": "files",
        "infobip_s3_bucket": "events",
        "infobip_s3_region": "eu-central-1",
        "aws_endpoint_url": sandbox.url.replace("http:", "https:"),
        "aws_access_key_id": "anybody",
        "aws_secret_access_key": "anything",
    }
    tap = Tap(tmp_path, **settings)
    done = tap.run("--test", environment={trusted: str(authority.file)} if trusted else {})
    assert done.code == 1
    assert ("its certificate comes from no known CA" in done.log) is not bool(trusted)
    assert bool(sandbox.requests) is bool(trusted)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_cas_that_can_not_be_used_is_named(
    tap: Tap, tmp_path: Path, name: str, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with serving(reset) as server:
        url = f"https://{server.host}"
        done = tap.run(environment={name: str(file)}, croct_api_url=url)
    problem = "holds no certificates" if content else "doesn't exist"
    assert f" failed: the file of {name} {problem}: {file}" in failure(done)
    assert "trying again" not in done.log


def test_a_server_without_tls_is_told(tap: Tap, sandbox: Sandbox) -> None:
    done = tap.run(croct_api_url=sandbox.url.replace("http:", "https:"))
    assert "it doesn't speak TLS; check whether https:// is right" in failure(done)


WANTS_NAME = "the proxy requires a name and a password (407); put them into HTTPS_PROXY"


@pytest.mark.parametrize(
    ("proxy", "answer", "said"),
    [
        (
            "socks5h://{}",
            "",
            "the proxy is a SOCKS proxy, which needs another package: pip install",
        ),
        ("gopher://{}", "", "the proxy's address can't be used; check HTTPS_PROXY"),
        ("http://nowhere.invalid:3128", "", "the proxy of HTTPS_PROXY can't be used: its host na"),
        ("http://127.0.0.1:1", "", "the proxy of HTTPS_PROXY can't be used: the connection was r"),
        ("http://{}", "407 Proxy Authentication Required", WANTS_NAME),
        ("http://{}", "403 Not Allowed", "the proxy refuses the host ('403 Not Allowed'); allow"),
    ],
)
def test_a_proxy_that_does_not_let_through_is_told(
    tap: Tap, proxy: str, answer: str, said: str
) -> None:
    do = answering(b"HTTP/1.1 " + answer.encode(), b"Content-Length: 0", b"", b"")
    with serving(do) as server:
        environment = {"HTTPS_PROXY": proxy.format(server.host)}
        done = tap.hurried().run(environment=environment, croct_api_url="https://croct.example")
    assert failure(done).startswith(f"GET https://croct.example/export/events failed: {said}")
    is_lasting = "can't be used: " not in said and "refuses the host" not in said
    assert ("trying again" in done.log) is not is_lasting


def test_a_proxy_for_plain_http_that_wants_a_name_is_told(tap: Tap, sandbox: Sandbox) -> None:
    with serving(answering(b"HTTP/1.1 407 No", b"Content-Length: 0", b"", b"")) as server:
        proxies = {"HTTP_PROXY": f"http://{server.host}", "NO_PROXY": ""}
        done = tap.run(environment=proxies, croct_api_url=sandbox.url, end_date=ONE_WINDOW)
    assert WANTS_NAME in failure(done)
    assert server.connections == 1


def test_a_process_without_a_free_descriptor_says_so(tap: Tap) -> None:
    tap.command = [sys.executable, "-c", NO_DESCRIPTOR]
    assert "this process has reached its limit of open files and connections" in failure(
        tap.run(max_retry_wait=1)
    )


@pytest.mark.parametrize(
    ("status", "location", "said"),
    [
        ("302 Found", b"http://[::1/x", "answers 302 without a valid address in Location; check"),
        ("308 Permanent", b"", "answers 308 without a valid address in Location; check"),
        (
            "302 Found",
            b"http://127.0.0.1:99999/",
            "answers 302 without a valid address in Location",
        ),
        ("301 Moved", b"https://other.example/a?key=1", "redirects to https://other.example/a; t"),
        ("302 Found", b"http://u:secret@{}/x", "redirects to http://{}/x; the credentials "),
        ("307 Temporary", b"javascript:alert(1)", "redirects to 'javascript://alert(1)'; the"),
        ("303 See Other", b"/login?next=1", "redirects to another page, http://{}/login, perhaps"),
        ("302 Found", b"/\xed\x82\xa4?key=1", "redirects 5 times in a row"),
        ("302 Found", b"\x1b[31m", "redirects 5 times in a row"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_told(
    tap: Tap, status: str, location: bytes, said: str
) -> None:
    host = b""

    def redirect(connection: socket.socket) -> None:
        where = location.replace(b"{}", host)
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0".encode()
        answering(head, b"Location: " + where, b"", b"")(connection)

    with serving(redirect) as server:
        host = server.host.encode()
        done = tap.run(croct_api_url=f"http://{server.host}", concurrency=1)
    assert said.format(server.host) in failure(done)
    assert "trying again" not in done.log
    assert "secret" not in done.log
    assert "key=1" not in done.log
    assert "\x1b" not in done.log
