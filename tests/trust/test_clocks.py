"""Days of all kinds, and clocks that are wrong."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.trust.world import KEYS, STREAMS, World, only, said

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.singer import Heard, Tap

MINUTE = timedelta(minutes=1)


def assert_no_bookmark_after(heard: Heard, instant: datetime) -> None:
    for state in heard.states:
        for bookmark in state["bookmarks"].values():
            assert datetime.fromisoformat(bookmark["replication_key_value"]) <= instant


@pytest.mark.parametrize("day", ["2028-02-28", "2026-12-30", "2024-02-29"])
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
    world.vendors["dfinery"].history = world.vendors["croct"].history  # type: ignore[attr-defined]
    for vendor in world.vendors.values():
        vendor.history = type(vendor.history)(1440, begin=world.start)  # type: ignore[attr-defined]
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


def test_nothing_is_read_between_a_start_and_the_same_end(tap: Tap, world: World) -> None:
    heard = tap.read(end_date=world.start.isoformat())
    assert not heard.records
    assert not world.sandbox.requests


def test_runs_of_one_second_one_after_the_other(store: Store, tmp_path: Path) -> None:
    """Of the vendors whose answers are not by the day."""
    seconds = 8
    streams = KEYS.keys() - set(STREAMS["dfinery"]) - set(STREAMS["ncp"])
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
