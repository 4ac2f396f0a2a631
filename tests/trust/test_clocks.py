"""Days of all kinds, and clocks that are wrong."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import json_response
from tests.singer import COMMANDS, time_of
from tests.trust.world import KEYS, STREAMS, TABLES, World, only, said, streams_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.server import Fault, Request, Response
    from tap_eventexport.sandbox.store import Store
    from tests.singer import Heard, Tap

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def go_on_with_the_clock(world: World, per_day: int = 480) -> None:
    """Let events go on with no end."""
    for vendor in world.vendors.values():
        if hasattr(vendor, "history"):  # those of tables have none
            vendor.history = History(per_day, begin=world.start)


def assert_no_bookmark_after(heard: Heard, instant: datetime) -> None:
    for state in heard.states:
        for bookmark in state["bookmarks"].values():
            assert datetime.fromisoformat(time_of(bookmark)) <= instant


@pytest.mark.parametrize("day", ["2024-02-28", "2024-02-29", "2025-12-30"])
def test_leap_days_and_the_end_of_a_year(store: Store, tmp_path: Path, day: str) -> None:
    start = datetime.fromisoformat(f"{day}T15:00:00+00:00")
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/", start=start).running() as world:
        heard = world.tap(tmp_path).read()
        for stream in KEYS:
            assert said(stream, heard) == world.truth(stream), stream


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_ten_minutes_off_loses_nothing(
    world: World, tmp_path: Path, minutes: int
) -> None:
    """Naver Cloud refuses such a clock and says so; the next run, an hour later, is right."""
    begin = world.now() - 90 * MINUTE
    go_on_with_the_clock(world, per_day=1440)
    settings: dict[str, Any] = {"start_date": begin.isoformat(), "end_date": None}
    wrong = world.tap(tmp_path, minutes * MINUTE, **settings).run()
    assert wrong.code == 1
    (line,) = [line for line in wrong.log.splitlines() if " failed: " in line]
    assert "ncp_apigateway_events failed" in line
    assert "set the clock" in line
    assert_no_bookmark_after(wrong.heard, world.now())
    assert ("ahead of the vendor's" in wrong.log) == (minutes > 0)
    end = world.now() + 30 * MINUTE
    world.shift += 60 * MINUTE
    settings["end_date"] = end.isoformat()
    right = world.tap(tmp_path, **settings).read(state=wrong.heard.states[-1])
    for stream in KEYS.keys() - set(STREAMS["dfinery"]):
        got = set(said(stream, wrong.heard)) | set(said(stream, right))
        assert got == set(world.truth(stream, begin, end)), stream
    (days,) = STREAMS["dfinery"]
    got = set(said(days, wrong.heard)) | set(said(days, right))
    assert got >= set(world.truth(days, begin, end))


@pytest.mark.parametrize(
    ("lead", "moves", "before"),
    [
        pytest.param(9 * HOUR, -9 * HOUR, 1, id="ahead, set before the first request"),
        pytest.param(HOUR, -HOUR, 5, id="ahead, set in between"),
        pytest.param(-9 * HOUR, 9 * HOUR, 5, id="behind"),
        pytest.param(0 * HOUR, 9 * HOUR, 5, id="right, then ahead"),
        pytest.param(0 * HOUR, -9 * HOUR, 5, id="right, then behind"),
    ],
)
def test_a_clock_that_is_set_while_the_run_goes_on_loses_nothing(
    world: World, tmp_path: Path, lead: timedelta, moves: timedelta, before: int
) -> None:
    begin = world.now() - 90 * MINUTE
    go_on_with_the_clock(world)
    settings: dict[str, Any] = {"start_date": begin.isoformat(), "end_date": None}
    if lead < 0 * HOUR:
        settings["start_date"] = (world.now() + lead - 90 * MINUTE).isoformat()
    tap = world.tap(tmp_path, lead, **settings)
    python, _, shift, pause = tap.command
    script, moved = str(COMMANDS / "clock_set_meanwhile.py"), str(moves.total_seconds())
    tap.command = [python, script, moved, str(before), shift, pause]
    first = tap.run()
    failed = {line.split()[-1] for line in first.log.splitlines() if " failed: " in line}
    assert not failed or "ncp_apigateway_events failed: " in first.log  # its signature was too late
    assert_no_bookmark_after(first.heard, world.now())
    end = world.now() + 150 * MINUTE
    world.shift += 180 * MINUTE
    settings["end_date"] = end.isoformat()
    second = world.tap(tmp_path, **settings).read(state=first.heard.states[-1])
    for stream in KEYS:
        got = set(said(stream, first.heard)) | set(said(stream, second))
        assert got >= set(world.truth(stream, begin, end)), stream


@pytest.mark.parametrize(
    ("offs", "is_told", "again"),
    [
        pytest.param([-20_000 * DAY], "invalid Date ('", 0.4, id="1970"),
        pytest.param([-3 * DAY], "3 days, 0:00:00 ahead of the vendor's", 1.1, id="behind"),
        pytest.param([3 * DAY], "3 days, 0:00:00 behind the vendor's", 0.4, id="ahead"),
        pytest.param([0 * DAY, -2 * HOUR, HOUR], "ahead of the vendor's", 0.5, id="jumping"),
        pytest.param([None], None, 0.4, id="none"),
    ],
)
def test_wrong_dates_lose_nothing_and_read_little_again(
    world: World,
    tmp_path: Path,
    offs: list[timedelta | None],
    is_told: str | None,
    again: float,
) -> None:
    go_on_with_the_clock(world)
    begin = world.now() - 30 * HOUR
    settings: dict[str, Any] = {"start_date": begin.isoformat(), "end_date": None}
    take, turns = world.sandbox.take, cycle(offs)

    def take_wrongly(request: Request) -> tuple[Response, Fault | None]:
        response, fault = take(request)
        off = next(turns)
        date = "" if off is None else format_datetime(world.now() + off, usegmt=True)
        return replace(response, headers={**response.headers, "Date": date}), fault

    world.sandbox.take = take_wrongly  # type: ignore[method-assign]
    end = world.now()
    first = world.tap(tmp_path, **settings).run()
    assert first.code == 0, first.log
    told = [line for line in first.log.splitlines() if "clock" in line]
    vendors = {line.split(": ")[0] for line in told}
    assert len(told) == len(vendors)
    assert (is_told in first.log) if is_told else not told
    assert_no_bookmark_after(first.heard, world.now())
    for state in first.heard.states:
        for name in state["bookmarks"].keys() - TABLES:
            bookmark = state["bookmarks"][name]
            is_by_day = name == "dfinery_events"
            earliest = begin - DAY if is_by_day else begin
            assert datetime.fromisoformat(time_of(bookmark)) >= earliest
    for stream in KEYS:
        assert set(said(stream, first.heard)) >= set(world.truth(stream, begin, end)), stream
    asked = len(world.sandbox.requests)
    if len(offs) > 1:  # a Date that jumps back would rightly set the last run's bookmark back
        world.sandbox.take = take  # type: ignore[method-assign]
    second = world.tap(tmp_path, **settings).run(state=first.heard.states[-1])
    assert second.code == 0, second.log
    assert len(world.sandbox.requests) - asked <= again * asked


def test_a_machine_that_is_days_ahead_promises_nothing_of_the_future(
    world: World, tmp_path: Path
) -> None:
    go_on_with_the_clock(world)
    begin = world.now() - HOUR
    settings: dict[str, Any] = {"start_date": begin.isoformat(), "end_date": None}
    wrong = world.tap(tmp_path, 3 * DAY, **settings).run()
    assert "3 days, 0:00:00 ahead of the vendor's" in wrong.log
    assert_no_bookmark_after(wrong.heard, world.now())
    end = world.now() + 30 * MINUTE
    world.shift += HOUR
    settings["end_date"] = end.isoformat()
    right = world.tap(tmp_path, **settings).read(state=wrong.heard.states[-1])
    for stream in KEYS:
        got = set(said(stream, wrong.heard)) | set(said(stream, right))
        assert got >= set(world.truth(stream, begin, end)), stream


def refused_future(world: World, request: Request) -> Response | None:
    """The answer of a vendor that exports no future, to a request that asks for some."""
    now = world.now()
    match request.path:
        case "/export/events" | "/export/session" | "/export/user" if (
            int(request.first("end") or 0) > now.timestamp() * 1000
        ):
            return json_response(400, {"title": "Bad Request", "detail": "end is in the future"})
        case "/user/api/service-history":
            asked = datetime.fromisoformat(json.loads(request.body)["end_date"] + "+09:00")
            if asked > now:
                return json_response(200, {"result": "fail", "code": -400, "message": "end_date"})
        case "/api/v1/export/event":
            asked = datetime.fromisoformat(json.loads(request.body)["from_date"] + "T00:00+09:00")
            if asked > now:
                return json_response(400, {"result": "fail", "message": "invalid_parameter"})
    return None


def test_a_vendor_that_refuses_its_future_is_read_up_to_its_time(
    world: World, tmp_path: Path
) -> None:
    """This machine is 20 hours ahead, so that even the day of Dfinery is another one."""
    go_on_with_the_clock(world)
    begin = world.now() - 30 * HOUR
    take = world.sandbox.take

    def take_strictly(request: Request) -> tuple[Response, Fault | None]:
        refused = refused_future(world, request)
        return (refused, None) if refused else take(request)

    world.sandbox.take = take_strictly  # type: ignore[method-assign]
    vendors = only("dfinery", "happytalk", "croct")
    settings: dict[str, Any] = {"start_date": begin.isoformat(), "end_date": None, **vendors}
    end = world.now()
    done = world.tap(tmp_path, 20 * HOUR, **settings).run()
    assert done.code == 0, done.log
    assert "ends after the vendor's current time, so it is read only up to" in done.log
    assert_no_bookmark_after(done.heard, world.now())
    for stream in ("dfinery_events", *STREAMS["happytalk"], *streams_of("croct")):
        assert set(said(stream, done.heard)) >= set(world.truth(stream, begin, end)), stream
    # What isn't the future's fault is a failure as ever.
    wrong = world.tap(tmp_path, 20 * HOUR, **{**settings, "croct_api_key": "wrong"}).run()
    assert wrong.code == 1
    assert "croct_events failed: Croct refused the key" in wrong.log


@pytest.mark.parametrize("day", ["1970-01-01", "2000-01-01"])
def test_a_machine_whose_clock_was_never_set_reads_nothing(
    world: World, tmp_path: Path, day: str
) -> None:
    reset = datetime.fromisoformat(f"{day}T00:00:12+00:00") - world.now()
    done = world.tap(tmp_path, reset).run()
    assert (done.code, done.lines) == (1, [])
    assert f"this machine's clock says {day}T00:00:1" in done.log_line(
        "which is years in the past: set it"
    )
    assert not world.sandbox.requests


def test_nothing_is_read_between_a_start_and_the_same_end(tap: Tap, world: World) -> None:
    heard = tap.read(end_date=world.start.isoformat())
    assert heard.records.keys() == TABLES  # which have no time
    paths = {vendor.path for vendor in world.vendors.values() if not hasattr(vendor, "history")}
    assert {request.path for request in world.sandbox.requests} == paths


def test_runs_of_one_second_one_after_the_other(store: Store, tmp_path: Path) -> None:
    """Of the vendors whose answers are not by the day."""
    seconds = 8
    streams = KEYS.keys() - streams_of("dfinery") - streams_of("ncp")
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    with World(store, directory, per_day=86_400 * 2).running() as world:
        begin = world.start + timedelta(hours=7)
        ends = [begin + timedelta(seconds=number + 1) for number in range(seconds)]
        settings: Any = {"start_date": begin.isoformat(), **only("happytalk", "croct", "infobip")}
        tap = world.tap(tmp_path, **settings)
        state = None
        got: dict[str, Counter[str]] = {stream: Counter() for stream in streams}
        for end in ends:
            heard = tap.read(state=state, end_date=end.isoformat())
            state = heard.states[-1] if heard.states else state
            for stream in streams:
                got[stream] += said(stream, heard)
        for stream in streams:
            expected = world.truth(stream, begin, ends[-1])
            assert set(got[stream]) >= set(expected), stream
            assert got[stream].total() <= expected.total() + 4 * (seconds + 1), stream


def test_events_of_the_future_move_no_bookmark_there(tap: Tap, world: World) -> None:
    """The tap's day isn't over, and Naver Cloud's and Dfinery's days are asked for as a whole."""
    heard = tap.read(end_date=(world.now() + timedelta(days=5)).isoformat())
    assert_no_bookmark_after(heard, datetime.now(UTC) + world.shift)
