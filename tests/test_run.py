"""A run as a whole: stopped at any moment, it has promised only what it gave."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response
from tests.conftest import END, START
from tests.singer import Heard

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct
    from tap_eventexport.sandbox.happytalk import HappyTalk
    from tap_eventexport.sandbox.server import Sandbox
    from tests.singer import Tap


def hear_until(process: subprocess.Popen[str], lines: int) -> Heard:
    """Listen to so many lines of a run, then kill it as a power cut would."""
    assert process.stdout
    heard = Heard()
    for _ in range(lines):
        line = process.stdout.readline()
        if not line:
            break
        heard.hear(line)
    process.kill()
    process.stdout.close()
    process.wait()
    return heard


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_line_nothing_is_lost_and_little_read_again(
    tap: Tap, truth: list[str], seed: int
) -> None:
    """Killed again and again at a random line, each run goes on from the last STATE line."""
    chance = random.Random(seed)
    state: dict[str, Any] | None = None
    emitted: list[str] = []
    kills = 0
    for _ in range(100):
        process = tap.start(state=state, lookback_minutes=0)
        heard = hear_until(process, chance.randint(1, 400))
        emitted += heard.keys()
        if heard.states:
            state = heard.states[-1]
        if heard.bookmark() == "2026-03-04T00:00:00.000Z":
            break
        kills += 1
    assert set(emitted) == set(truth)
    assert len(emitted) <= len(truth) + kills * 50  # at most the unfinished page each time


def test_every_state_line_is_a_safe_place_to_start_from(tap: Tap, truth: list[str]) -> None:
    lines = tap.run(croct_page_size=120).lines
    for number, line in enumerate(lines):
        message = json.loads(line)
        if message["type"] == "STATE":
            before = Heard()
            for earlier in lines[: number + 1]:
                before.hear(earlier)
            after = tap.read(state=message["value"], croct_page_size=120, lookback_minutes=0)
            assert Counter(before.keys() + after.keys()) == Counter(truth)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["while reading", "while a slow target blocks"])
def test_a_signal_ends_the_run_with_a_safe_state(
    tap: Tap, sandbox: Sandbox, truth: list[str], number: signal.Signals, moment: str
) -> None:
    if moment == "while reading":
        sandbox.faults.append(Fault("silence", after=4, times=100, seconds=60))
    process = tap.start(croct_page_size=50, concurrency=1)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(60)]  # the pipe then fills
    began = time.monotonic()
    process.send_signal(number)
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=10) == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert time.monotonic() - began < 5
    assert "Traceback" not in tap.log
    heard = Heard()
    for line in lines + rest.splitlines():
        heard.hear(line)
    assert json.loads(rest.splitlines()[-1])["type"] == "STATE"
    sandbox.faults.clear()
    after = tap.read(state=heard.states[-1])
    assert set(heard.keys() + after.keys()) == set(truth)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_ends_the_run_in_the_middle_of_a_large_page(
    tap: Tap, croct: Croct, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    croct.history = History(1000)
    process = tap.start(croct_page_size=1000)
    assert process.stdout
    for _ in range(60):
        process.stdout.readline()  # the pipe then fills
    process.send_signal(signal.SIGTERM)
    rest = process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait(timeout=10) == 143
    assert len(rest) < 500  # of the page's thousand: what was in the pipe, and one more chunk
    assert all(json.loads(line) for line in rest)


def test_a_target_that_reads_nothing_more_cannot_hold_a_stopped_run(tap: Tap) -> None:
    process = tap.start()
    assert process.stdout
    process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143
    assert time.monotonic() - began < 5
    process.stdout.close()


@pytest.mark.parametrize("moment", ["while writing", "while reading"])
def test_a_target_that_died_ends_the_run_with_one_line(
    tap: Tap, sandbox: Sandbox, moment: str
) -> None:
    if moment == "while reading":
        sandbox.faults.append(Fault("silence", after=1, times=100, seconds=60))
    process = tap.start(concurrency=1)
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=10) == 141
    (line,) = [line for line in tap.log.splitlines() if "ERROR" in line]
    assert line.endswith("stdout was closed: the target has ended")
    assert "Traceback" not in tap.log
    assert "Exception" not in tap.log


def test_requests_in_flight_are_bounded_and_used(tap: Tap, sandbox: Sandbox) -> None:
    sandbox.latency = 0.05
    tap.read(concurrency=3)
    assert sandbox.max_concurrency == 3


def test_a_rate_limit_is_obeyed_by_all_and_its_wait_is_told(tap: Tap, sandbox: Sandbox) -> None:
    limited = Response(429, headers={"Retry-After": "2"})
    sandbox.faults.append(Fault("answer", after=3, times=1, response=limited))
    began = time.monotonic()
    done = tap.run()
    assert done.code == 0
    assert time.monotonic() - began > 2
    assert "trying again in 2.0 s, at " in done.log_line("too many requests")


def test_a_rate_limit_beyond_max_retry_wait_fails_at_once(tap: Tap, sandbox: Sandbox) -> None:
    limited = Response(429, headers={"Retry-After": "7200"})
    sandbox.faults.append(Fault("answer", times=1000, response=limited))
    done = tap.run(max_retry_wait=60)
    assert done.code == 1
    line = done.log_line("croct_events failed")
    assert "it asks for 7200 s" in line
    assert "max_retry_wait=60 s" in line


def test_no_secret_in_any_output_at_any_level(tap: Tap, sandbox: Sandbox) -> None:
    key = tap.settings["croct_api_key"]
    sandbox.faults += [Fault("reset", after=1), Fault("half", after=3), Fault("short", after=5)]
    noisy = {"LOGLEVEL": "DEBUG"}
    runs = [
        tap.run(environment=noisy),
        tap.run("--test", environment=noisy),
        tap.run("--discover", environment=noisy),
        tap.run("--about", "--format=json", environment=noisy),
        tap.run(environment=noisy, concurrency="many"),
        tap.run(environment=noisy, croct_api_key=key + "\n"),
        tap.run(environment=noisy, croct_api_url="http://127.0.0.1:1/?key=" + key),
    ]
    assert "DEBUG" in runs[0].log
    for done in runs:
        assert key not in done.log
        assert not any(key in line for line in done.lines)
    assert "cursor=***" in runs[0].log


def test_a_stream_that_fails_leaves_the_others_and_their_state_whole(
    tap: Tap, all_settings: dict[str, Any], happytalk: HappyTalk, truth: list[str]
) -> None:
    done = tap.run(**{**all_settings, "ncp_secret_key": "wrong"})
    assert done.code == 1
    assert "ncp_secret_key" in done.log_line("ncp_apigateway_events failed")
    assert done.log_line("1 of 4 streams failed")
    heard = done.heard
    assert Counter(heard.keys()) == Counter(truth)
    stream = "happytalk_service_history"
    assert Counter(heard.keys(stream)) == Counter(happytalk.truth(stream, START, END))
    assert set(heard.states[-1]["bookmarks"]) == {
        "croct_events",
        "happytalk_service_history",
        "happytalk_siem_events",
    }


def test_vendors_are_read_at_the_same_time(
    tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any]
) -> None:
    sandbox.latency = 0.1
    tap.read(**all_settings, concurrency=2)
    assert 4 < sandbox.max_concurrency <= 6  # two for each of three vendors


MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""  # a small process between: a child's peak counts what its parent had when it was forked


def test_memory_does_not_grow_with_the_number_of_events(tap: Tap, croct: Croct) -> None:
    def peak(per_day: int, concurrency: int) -> int:
        croct.history = History(per_day)
        command = tap.arguments(croct_page_size=1000, concurrency=concurrency)
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
        )
        code, size = map(int, done.stdout.split())
        assert code == 0
        return size

    small, large = peak(5_000, concurrency=1), peak(20_000, concurrency=1)
    assert large < small * 1.2
    assert peak(20_000, concurrency=4) < 150_000  # KiB: pages may wait, as many as are allowed


def test_a_run_ends_with_a_table_of_what_it_did(
    tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any], truth: list[str]
) -> None:
    sandbox.faults.append(Fault("answer", path="/export/events", after=1))
    done = tap.run(**{**all_settings, "ncp_secret_key": "wrong"})
    lines = [line.split(" | ", 3)[-1].split() for line in done.log.splitlines()]
    (headings,) = [line for line in lines if line[:2] == ["stream", "from"]]
    first = lines.index(headings) + 1
    rows = {line[0]: line for line in lines[first : first + 4]}
    assert rows["croct_events"][:4] == [
        "croct_events",
        "2026-03-01T00:00:00Z",
        "2026-03-04T00:00:00Z",
        "3/3",
    ]
    asked = [request for request in sandbox.requests if request.path == "/export/events"]
    assert rows["croct_events"][4:6] == [f"{len(asked)}", f"{len(truth)}"]
    assert rows["croct_events"][6] == "0"  # was unchanged
    assert rows["croct_events"][8] == "1"  # request was made again
    assert rows["croct_events"][-2:] == ["2026-03-04T00:00:00Z", "complete"]
    assert rows["happytalk_siem_events"][-1] == "complete"
    assert rows["ncp_apigateway_events"][-2:] == ["-", "failed"]
