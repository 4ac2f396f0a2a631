"""Whatever a vendor's answer is instead of data: a passing fault leaves no trace, a lasting one
ends its stream alone, and the next run goes on where it stood."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.server import Fault, Response, json_response
from tests.trust.world import (
    PERSONAL,
    SECRETS,
    STREAMS,
    TABLES,
    TESTED,
    VENDORS,
    contents,
    streams_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.singer import Run, Tap
    from tests.trust.world import Contents, World

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}
ALWAYS = 10**9
NONE: Counter[tuple[str, str]] = Counter()


def answer(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Callable[[], Fault]:
    return lambda: Fault("answer", response=Response(status, body, headers or {}))


PASSING: dict[str, Callable[[], Fault]] = {
    "429 with a header": answer(429, headers={"Retry-After": "1"}),
    "429 without one": answer(429),
    "500": answer(500),
    "502 with HTML": answer(502, PAGE, HTML),
    "503 with HTML": answer(503, PAGE, HTML),
    "504": answer(504),
    "reset before the answer": lambda: Fault("refuse"),
    "reset in the body": lambda: Fault("reset"),
    "a body shorter than announced": lambda: Fault("short"),
    "half a body": lambda: Fault("half"),
    "half of a gzip": lambda: Fault("broken_gzip"),
    "an error under 200": lambda: Fault(
        "answer", response=json_response(200, {"code": 500, "message": "Internal error"})
    ),
    "a log-in page under 200": answer(200, PAGE, HTML),
    "nothing under 200": answer(200, b"", {"Content-Type": "application/json"}),
    "another encoding": lambda: Fault("utf-16"),
    "silence": lambda: Fault("silence", seconds=3),
}


def strike(world: World, kind: str, request_number: int, times: int) -> dict[str, Fault]:
    """Let something go wrong with a request of each vendor, or with all from that one on."""
    faults = {name: PASSING[kind]() for name in world.vendors}
    for name, fault in faults.items():
        fault.path, fault.after, fault.times = world.vendors[name].path, request_number, times
    world.sandbox.faults[:] = faults.values()
    return faults


def listen(tap: Tap, world: World, kind: str) -> Run:
    """Run the command as loudly as it can be; no secret is in what it says."""
    limits = {"max_retry_wait": 2} | ({"request_timeout": 1} if kind == "silence" else {})
    done = tap.run(environment={"LOGLEVEL": "DEBUG"}, **limits)
    assert "DEBUG" in done.log
    assert_no_secrets(done, world)
    return done


def assert_no_secrets(done: Run, world: World) -> None:
    said = "\n".join((done.log, *done.lines))
    for secret in (*SECRETS.values(), world.store.reader["aws_secret_access_key"]):
        assert secret not in said


def failed(done: Run) -> set[str]:
    """The streams that a run calls failed."""
    lines = [line.split(" | ", 3)[-1] for line in done.log.splitlines() if " failed: " in line]
    names = [line.split(" failed: ")[0] for line in lines]
    return {name for name in names if any(name in streams for streams in STREAMS.values())}


def taken_as_whole(done: Run) -> set[str]:
    """The streams whose log warns that a cut CSV may have been taken as a whole one."""
    lines = [
        line for line in done.log.splitlines() if "came twice, so it is taken as whole" in line
    ]
    return {line.split(" | ", 3)[-1].split(": ")[0] for line in lines}


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_leaves_no_trace(
    tap: Tap, world: World, reference: Contents, kind: str, request_number: int
) -> None:
    faults = strike(world, kind, request_number, times=1)
    done = listen(tap, world, kind)
    assert (done.code, failed(done)) == (0, set())
    assert contents(done.heard) == reference
    assert any(fault.times < 1 for fault in faults.values())


@pytest.mark.parametrize("kind", PASSING)
def test_a_lasting_fault_ends_streams_where_they_stand(
    tap: Tap, world: World, reference: Contents, kind: str, request_number: int
) -> None:
    faults = strike(world, kind, request_number, times=ALWAYS)
    if kind == "nothing under 200":
        faults["dfinery"].times = 0  # a day without events may be just that
    done = listen(tap, world, kind)
    struck = [name for name, fault in faults.items() if 0 < fault.times < ALWAYS]
    assert done.code == 1
    unclear = taken_as_whole(done)
    if (kind, request_number) != ("half a body", 0):  # else no CSV shows how Dfinery ends lines
        assert not unclear
    assert failed(done) <= {stream for name in struck for stream in STREAMS[name]}
    assert all((failed(done) | unclear) & set(STREAMS[name]) for name in struck)
    world.recover()
    first = contents(done.heard)
    second = contents(tap.read(state=done.heard.states[-1] if done.heard.states else None))
    for stream in reference.keys() - unclear:
        assert first.get(stream, NONE) + second.get(stream, NONE) == reference[stream], stream


@pytest.mark.parametrize("name", STREAMS)
def test_one_endpoints_trouble_is_its_own(
    tap: Tap, world: World, reference: Contents, name: str
) -> None:
    fine = 0 if TABLES.issuperset(STREAMS[name]) else 1  # a table may take one request
    world.sandbox.faults.append(
        Fault("answer", path=world.vendors[name].path, after=fine, times=ALWAYS)
    )
    done = listen(tap, world, name)
    assert done.code == 1
    assert failed(done) == set(STREAMS[name])
    got = contents(done.heard)
    for stream in reference.keys() - STREAMS[name]:
        assert got[stream] == reference[stream]


@pytest.mark.parametrize("name", STREAMS)
def test_a_key_that_may_not_read_one_endpoint(
    tap: Tap, world: World, reference: Contents, name: str
) -> None:
    """Its streams fail with their names, in a run and in `--test`; all others are read."""
    world.sandbox.faults.append(
        Fault("answer", path=world.vendors[name].path, times=ALWAYS, response=Response(403))
    )
    done = listen(tap, world, name)
    assert done.code == 1
    assert failed(done) == set(STREAMS[name])
    got = contents(done.heard)
    for stream in reference.keys() - STREAMS[name]:
        assert got[stream] == reference[stream]
    test = tap.run("--test")
    if name not in TESTED:
        assert test.code == 0
        return
    assert test.code == 1
    (line,) = [line for line in test.log.splitlines() if "connection failed" in line]
    is_alone = streams_of(name.partition("_")[0]) - PERSONAL == set(STREAMS[name])
    assert is_alone or f"connection failed for {STREAMS[name][0]}: " in line
    assert test.log.count("connection OK") == len(VENDORS) - is_alone


@pytest.mark.parametrize(
    ("setting", "streams"),
    [
        *((f"{name}_api_url", streams_of(name)) for name in VENDORS),
        ("aws_endpoint_url", set(STREAMS["infobip"])),
    ],
)
def test_a_vendor_that_refuses_connections(
    tap: Tap, reference: Contents, setting: str, streams: set[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address: Any = {setting: f"http://127.0.0.1:{free.getsockname()[1]}"}
        done = tap.run(**address)
    assert done.code == 1
    assert failed(done) == streams
    got = contents(done.heard)
    for stream in reference.keys() - streams:
        assert got[stream] == reference[stream]


def test_the_spools_disk_is_full(tap: Tap, reference: Contents, tmp_path: Path) -> None:
    """A limit to the size of files stands for a disk without room."""
    tap.command = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *tap.command]
    done = tap.run(environment={"TMPDIR": str(tmp_path)})
    assert done.code == 1
    spooling = {"dfinery_events", "dfinery_user_profiles", "infobip_events"}
    assert failed(done) == spooling
    for stream in spooling:
        line = done.log_line(f"{stream} failed")
        assert str(tmp_path) in line
        assert "make room there, or set TMPDIR" in line
    got = contents(done.heard)
    for stream in reference.keys() - spooling:
        assert got[stream] == reference[stream]


def test_a_mark_of_utf_8_before_every_answer_changes_nothing(
    tap: Tap, world: World, reference: Contents
) -> None:
    world.sandbox.faults[:] = [Fault("utf-8-sig", times=ALWAYS)]
    done = tap.run()
    assert done.code == 0, done.log
    assert "trying again" not in done.log
    assert contents(done.heard) == reference
