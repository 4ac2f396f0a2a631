"""The union of the windows is the range: no gap, no overlap, in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.windows import (
    Window,
    calendar_days,
    cut,
    cut_growing,
    format_instant,
    format_milliseconds,
    from_milliseconds,
    parse_instant,
    parse_naive,
    round_down,
    round_up,
    span,
    time_zone,
    to_milliseconds,
)

instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ranges = st.tuples(instants, st.timedeltas(timedelta(milliseconds=1), timedelta(days=400))).map(
    lambda pair: Window(pair[0], pair[0] + pair[1])
)
ZONES = (
    "Asia/Seoul",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 clocks changed at midnight: some days began at one o'clock
    "America/Havana",  # clocks go back at one: midnight comes twice
    "Pacific/Apia",  # 30 December 2011 never was
    "Australia/Lord_Howe",  # changes by half an hour
    "Africa/Casablanca",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assert_adjacent(windows: list[Window]) -> None:
    for earlier, later in pairwise(windows):
        assert earlier.end == later.start


@given(whole=ranges, width=st.timedeltas(timedelta(minutes=30), timedelta(days=40)))
def test_cut_windows_are_the_range(whole: Window, width: timedelta) -> None:
    windows = list(cut(whole, width))
    assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
    assert_adjacent(windows)
    assert all(window.end - window.start == width for window in windows[:-1])
    assert windows[-1].end - windows[-1].start <= width


@given(whole=ranges, first=st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)))
def test_growing_windows_are_the_range(whole: Window, first: timedelta) -> None:
    windows = list(cut_growing(whole, first, 4))
    assert_adjacent(windows)
    assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
    widths = [window.end - window.start for window in windows[:-1]]
    assert widths == [first * 4**number for number in range(len(widths))]


@given(whole=ranges, zone=st.sampled_from(ZONES))
@example(Window(utc("2011-12-28"), utc("2012-01-02")), "Pacific/Apia")
@example(Window(utc("2018-11-03"), utc("2018-11-06")), "America/Sao_Paulo")
@example(Window(utc("2026-10-31"), utc("2026-11-03")), "America/Havana")
def test_calendar_days_cover_the_range_with_whole_days(whole: Window, zone: str) -> None:
    days = list(calendar_days(whole, time_zone(zone)))
    assert days[0].start <= whole.start < days[0].end
    assert days[-1].start < whole.end <= days[-1].end
    assert_adjacent(days)
    local = ZoneInfo(zone)
    for day in days:
        first = day.start.astimezone(local)
        last = (day.end - timedelta(microseconds=1)).astimezone(local)
        before = (day.start - timedelta(microseconds=1)).astimezone(local)
        assert first.date() == last.date() != before.date()


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        pytest.param("Asia/Seoul", "2026-03-29", 24, id="no clock change"),
        pytest.param("Europe/Berlin", "2026-03-29", 23, id="clocks go forward"),
        pytest.param("Europe/Berlin", "2026-10-25", 25, id="clocks go back"),
        pytest.param("America/Sao_Paulo", "2018-11-04", 23, id="midnight is skipped"),
        pytest.param("America/Havana", "2026-11-01", 25, id="midnight comes twice"),
    ],
)
def test_a_day_has_the_hours_that_it_has(zone: str, date: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{date}T12:00:00").replace(tzinfo=ZoneInfo(zone))
    instant = noon.astimezone(UTC)
    (day,) = calendar_days(Window(instant, instant + timedelta(seconds=1)), time_zone(zone))
    assert (day.end - day.start) == timedelta(hours=hours)


def test_an_empty_window_is_none() -> None:
    now = utc("2026-03-01")
    with pytest.raises(ValueError, match="holds no time"):
        Window(now, now)
    assert span(now, now) == ()
    assert span(now, now + timedelta(1)) == (Window(now, now + timedelta(1)),)


@given(instants)
def test_rounding_selects_the_same_milliseconds(instant: datetime) -> None:
    up, down = round_up(instant), round_down(instant)
    assert down <= instant <= up
    assert up - down in {timedelta(0), timedelta(milliseconds=1)}
    assert from_milliseconds(to_milliseconds(up)) == up
    second = timedelta(seconds=1)
    assert round_down(instant, second) == instant.replace(microsecond=0)
    assert round_up(instant, second) - round_down(instant, second) in {timedelta(0), second}


@given(st.integers(0, 4_000_000_000_000))
def test_an_instant_is_read_as_it_is_written(milliseconds: int) -> None:
    text = format_instant(from_milliseconds(milliseconds))
    assert text.endswith("Z")
    assert to_milliseconds(parse_instant(text)) == milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T09:00:00+09:00", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T00:00:00.005Z", "2026-03-01T00:00:00.005Z"),
        ("2026-03-01 00:00:00", "2026-03-01T00:00:00.000Z"),
    ],
)
def test_dates_are_read_in_utc(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


@given(st.integers(-10_000_000_000_000, 100_000_000_000_000))
def test_milliseconds_are_written_as_instants_are(milliseconds: int) -> None:
    assert format_milliseconds(milliseconds) == format_instant(from_milliseconds(milliseconds))


def test_a_window_holds_time() -> None:
    day = Window(parse_instant("2026-03-01"), parse_instant("2026-03-02"))
    assert str(day) == "[2026-03-01T00:00:00.000Z, 2026-03-02T00:00:00.000Z)"
    assert day.clipped(Window(day.start + timedelta(hours=9), day.end)).start.hour == 9
    assert day.holds(day)
    with pytest.raises(ValueError, match="holds no time"):
        Window(day.end, day.start)


def test_a_time_without_a_zone_is_in_the_zone_that_is_handed_in() -> None:
    seoul = parse_naive("2026-03-01 09:00:00", ZoneInfo("Asia/Seoul"))
    assert seoul == parse_instant("2026-03-01")
    with pytest.raises(ValueError, match="does not match"):
        parse_naive("2026-03-01", UTC)
