"""A vendor's clock, told by the dates of its answers; this machine's is invented."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tap_eventexport.engine.http import clocks
from tap_eventexport.engine.http.clocks import Start, VendorClock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class World:
    """The vendor's true time is noon when the run begins; this machine's clock is ahead of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, skew: timedelta = timedelta(0)) -> None:
        self.passed = 0.0
        monkeypatch.setattr(clocks, "timer", lambda: 1_000.0 + self.passed)
        self.clock = VendorClock("Vendor", Start(NOON + skew, 1_000.0))

    def answer(self, takes: float = 0.0, off: timedelta = timedelta(0)) -> None:
        """Let an answer come that is dated when half of the time it takes has passed."""
        asked = 1_000.0 + self.passed
        sent = NOON + timedelta(seconds=self.passed + takes / 2) + off
        self.passed += takes
        self.clock.compare({"Date": format_datetime(sent, usegmt=True)}, asked)

    def wait(self, seconds: float) -> None:
        self.passed += seconds


@pytest.mark.parametrize("skew", [HOUR, 9 * HOUR, 3 * DAY, 3 * SECOND])
def test_the_lead_is_the_runs_whatever_happens_to_the_clock_later(
    monkeypatch: pytest.MonkeyPatch, skew: timedelta
) -> None:
    """This machine's clock is not looked at after the start."""
    world = World(monkeypatch, skew)
    for _ in range(5):
        world.answer(takes=0.5)
        world.wait(1_000.25)
    assert skew - SECOND * 1.5 <= world.clock.certain_skew <= skew <= world.clock.skew
    assert world.clock.skew <= skew + SECOND / 2
    assert world.clock.is_skew_believed == (skew <= DAY)
    passed = timedelta(seconds=world.passed)
    assert NOON + passed - SECOND <= world.clock.now() <= NOON + passed


@pytest.mark.parametrize("takes", [0.0, 2.0, 300.0])
@pytest.mark.parametrize("skew", [timedelta(0), -HOUR, -400 * DAY])
def test_a_clock_that_may_be_right_or_is_behind_leads_by_nothing(
    monkeypatch: pytest.MonkeyPatch, takes: float, skew: timedelta
) -> None:
    world = World(monkeypatch, skew)
    for _ in range(3):
        world.answer(takes)
        world.wait(0.3)
    assert world.clock.skew == timedelta(0)


@pytest.mark.parametrize(
    ("offs", "expected"),
    [
        pytest.param([0, -600], 600, id="one server is behind"),
        pytest.param([-600, 0, 0], 600, id="and answered first"),
        pytest.param([0, 3600, -2], 2, id="one is ahead"),
        pytest.param([7200, 7200], 0, id="all are ahead"),
    ],
)
def test_of_several_servers_the_earliest_clock_counts(
    monkeypatch: pytest.MonkeyPatch, offs: list[int], expected: int
) -> None:
    world = World(monkeypatch)
    for off in offs:
        world.answer(off=off * SECOND)
        world.wait(1.5)
    assert abs(world.clock.skew - expected * SECOND) <= 1.5 * SECOND
    assert world.clock.certain_skew == timedelta(0)


def test_a_machine_that_slept_is_no_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor's clock went on, and a timer that stops meanwhile makes it look late."""
    world = World(monkeypatch, HOUR)
    world.answer()
    world.answer(off=8 * HOUR)
    assert HOUR - SECOND <= world.clock.skew <= HOUR


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (timedelta(0), None),
        (4 * SECOND, None),
        (-4 * SECOND, None),
        (
            600 * SECOND,
            "was about 0:10:00 ahead of the vendor's when the run began: bookmarks stay",
        ),
        (
            -9 * HOUR,
            "was about 9:00:00 behind the vendor's when the run began: a later run reads",
        ),
        (
            3 * DAY,
            "was about 3 days, 0:00:00 ahead of the vendor's when the run began: one of the two",
        ),
        (
            -400 * DAY,
            "was about 400 days, 0:00:00 behind the vendor's when the run began: one of the",
        ),
    ],
)
def test_clocks_that_differ_are_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    skew: timedelta,
    said: str | None,
) -> None:
    world = World(monkeypatch, skew)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            world.answer()
    assert len(caplog.messages) == (said is not None)
    assert all(f"Vendor: this machine's clock {said}" in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("date", "is_told"),
    [
        (None, False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Sat, 01 Jan 2000 09:00:00 GMT", True),
        ("yesterday", True),
        ("Tue, 99 Mar 2026 00:00:00 GMT", True),
        ("Fri, 31 Dec 9999 23:59:59 -2359", False),
    ],
)
def test_a_date_that_no_clock_says_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    date: str | None,
    is_told: bool,  # noqa: FBT001
) -> None:
    world = World(monkeypatch)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            world.clock.compare({"Date": date} if date else {}, 1_000.0)
    assert world.clock.skew == timedelta(0)
    told = [message for message in caplog.messages if "invalid Date" in message]
    assert len(told) == is_told


def test_the_timer_goes_on() -> None:
    start = Start.here()
    assert clocks.timer() >= start.timer
    assert abs(datetime.now(UTC) - start.now) < HOUR
