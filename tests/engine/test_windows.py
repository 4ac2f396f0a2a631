"""The union of the windows is the range: no gap, no overlap, in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.windows import (
    EPOCH,
    Window,
    calendar_days,
    format_instant,
    format_milliseconds,
    from_milliseconds,
    parse_instant,
    parse_naive,
    round_down,
    round_up,
    split_every,
    split_growing,
    time_zone,
    to_milliseconds,
    window_if_any,
)

instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2026, 1, 1),  # noqa: DTZ001
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
    windows = list(split_every(whole, width))
    assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
    assert_adjacent(windows)
    assert all(window.end - window.start == width for window in windows[:-1])
    assert windows[-1].end - windows[-1].start <= width


@given(whole=ranges, first=st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)))
def test_growing_windows_are_the_range(whole: Window, first: timedelta) -> None:
    windows = list(split_growing(whole, first, 4))
    assert_adjacent(windows)
    assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
    widths = [window.end - window.start for window in windows[:-1]]
    assert widths == [first * 4**number for number in range(len(widths))]


@given(whole=ranges, zone=st.sampled_from(ZONES))
@example(Window(utc("2011-12-28"), utc("2012-01-02")), "Pacific/Apia")
@example(Window(utc("2018-11-03"), utc("2018-11-06")), "America/Sao_Paulo")
@example(Window(utc("2023-11-04"), utc("2023-11-07")), "America/Havana")
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
        pytest.param("America/Havana", "2023-11-05", 25, id="midnight comes twice"),
    ],
)
def test_a_day_has_the_hours_that_it_has(zone: str, date: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{date}T12:00:00").replace(tzinfo=ZoneInfo(zone))
    instant = noon.astimezone(UTC)
    (day,) = calendar_days(Window(instant, instant + timedelta(seconds=1)), time_zone(zone))
    assert (day.end - day.start) == timedelta(hours=hours)


def test_an_empty_window_is_none() -> None:
    now = utc("2026-03-01")
    with pytest.raises(ValueError, match="must be before end"):
        Window(now, now)
    assert window_if_any(now, now) == ()
    assert window_if_any(now, now + timedelta(1)) == (Window(now, now + timedelta(1)),)


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
        ("2026-03-01T23:59:59.999Z", "2026-03-01T23:59:59.999Z"),
        ("2026-03-01 00:00:00", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01 09:00:00.123456+09", "2026-03-01T00:00:00.123Z"),
        ("2026-03-01T05:45+0545", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T00:00:00,250-00:00", "2026-03-01T00:00:00.250Z"),
        ("2026-03-01T00:00:00.123456789Z", "2026-03-01T00:00:00.123Z"),
        ("0002-01-01", "0002-01-01T00:00:00.000Z"),
        ("9998-12-31T23:59:59.999Z", "9998-12-31T23:59:59.999Z"),
    ],
)
def test_dates_are_read_in_utc(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1711010100000",  # of which Python makes a time in the year 1711
        "20260301",
        "20260301T000000Z",
        "2026-03",
        "2026-060",
        "2026-W10",
        "2026-W10-1",
        "2026-W10-1T00:00:00.000Z",
        "2026-3-1",
        "2026-02-29",
        "2026-03-01Z",
        "2026-03-01T",
        "2026-03-01T00",
        "2026-03-01T000000",
        "2026-03-01x00:00",
        "2026-03-01T24:00:00",
        "2026-03-01T24:00:00.000Z",
        "2026-03-01T00:00:60Z",
        "2026-03-01T00:00:00.Z",
        "2026-03-01T00:00:00+09:60",
        "2026-03-01T00:00:00+25:00",
        "2026-03-01T00:00:00 +09:00",
        "2026-03-01T00:00:00+09:00:30",
        "2026-03-01T00:00:00Z\n",
        " 2026-03-01",
        "２０２６-03-01",  # noqa: RUF001 - digits of another script
        "2026-03-01T00:00:00.12३Z",
        "2026-03-01T00:00:00 Asia/Seoul",
        "0001-01-01",
        "0001-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00+09:00",
        "9999-01-01",
        "9999-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_no_other_text_is_a_date(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says which value it was
        parse_instant(text)


def test_a_date_may_not_lie_before_a_bound() -> None:
    assert parse_instant("1970-01-01", since=EPOCH) == EPOCH
    with pytest.raises(ValueError, match="not from 1970 to 9998"):
        parse_instant("1970-01-01T00:00:00+09:00", since=EPOCH)


def test_a_date_without_an_offset_is_in_the_zone_that_is_handed_in() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    assert parse_instant("2026-03-01 09:00", seoul) == parse_instant("2026-03-01")
    assert parse_instant("2026-03-01T00:00:00Z", seoul) == parse_instant("2026-03-01")
    with pytest.raises(ValueError, match="outside the calendar"):
        parse_instant("0001-01-01 00:00:00", seoul)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Asia",  # a folder
        "../../etc/passwd",
        "/usr/share/zoneinfo/Asia/Seoul",
        "Asia/../Asia/Seoul",
        "localtime",  # of this machine
        "posixrules",
        "right/Asia/Seoul",  # with leap seconds
        "asia/seoul",
        "Asia/Seoul ",
        "Asia/Seoul\0",
        "KST",
        "+09:00",
    ],
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        time_zone(name)


def test_a_zone_that_only_the_system_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_eventexport.engine.windows.zone_names", frozenset)
    assert str(time_zone("Asia/Seoul")) == "Asia/Seoul"


@pytest.mark.parametrize("milliseconds", [-62_135_596_800_001, 253_402_300_800_000, 10**30])
def test_milliseconds_beyond_the_calendar_are_none(milliseconds: int) -> None:
    for read in (from_milliseconds, format_milliseconds):
        with pytest.raises(ValueError, match="no calendar year"):
            read(milliseconds)
        assert read(milliseconds % 10**12)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_are_written_as_instants_are(milliseconds: int) -> None:
    assert format_milliseconds(milliseconds) == format_instant(from_milliseconds(milliseconds))


def test_a_window_holds_time() -> None:
    day = Window(parse_instant("2026-03-01"), parse_instant("2026-03-02"))
    assert str(day) == "[2026-03-01T00:00:00.000Z, 2026-03-02T00:00:00.000Z)"
    assert day.clipped(Window(day.start + timedelta(hours=9), day.end)).start.hour == 9
    with pytest.raises(ValueError, match="must be before end"):
        Window(day.end, day.start)


def test_a_time_without_a_zone_is_in_the_zone_that_is_handed_in() -> None:
    seoul = parse_naive("2026-03-01 09:00:00", ZoneInfo("Asia/Seoul"))
    assert seoul == parse_instant("2026-03-01")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-3-1 1:2:3",
        "2026-03-01T00:00:00",
        "2026-03-01 24:00:00",
        "2026-03-01 00:00:61",
        "2026-03-01 00:00+09",
        "2026-02-30 00:00:00",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "2026-03-01 00:00:0٣",
        "２０２６-03-01 00:00:00",  # noqa: RUF001 - digits of another script
    ],
)
def test_a_time_without_a_zone_has_one_form(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says which value it was
        parse_naive(text, ZoneInfo("Asia/Seoul"))


def test_the_first_and_the_last_second_of_all_calendars() -> None:
    assert format_instant(parse_naive("0001-01-01 00:00:00", UTC)) == "0001-01-01T00:00:00.000Z"
    assert format_instant(parse_naive("9999-12-31 23:59:59", UTC)) == "9999-12-31T23:59:59.000Z"
