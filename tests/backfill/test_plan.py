"""Partitions tile the wanted time where the vendors' days begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.backfill.plan import WIDTHS, Source, plan
from tap_eventexport.engine.windows import MILLISECOND, Window, format_instant

SEOUL, BERLIN = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin")
ZONES = (UTC, SEOUL, BERLIN, ZoneInfo("America/Havana"), timezone(timedelta(hours=5, minutes=45)))
YEARS: Any = {"min_value": datetime(2016, 1, 1), "max_value": datetime(2026, 1, 1)}  # noqa: DTZ001
HOUR = timedelta(hours=1)


def source(zone: object = UTC, oldest: datetime | None = None, origin: str = "me") -> Source:
    assert zone is None or isinstance(zone, (ZoneInfo, timezone))
    return Source("croct_events", zone, oldest, origin)


def window(start: str, end: str) -> Window:
    return Window(*(datetime.fromisoformat(text).astimezone(UTC) for text in (start, end)))


def spans(source: Source, wanted: Window, by: str) -> list[str]:
    """Start and end of each partition, as times of the source's zone, or of UTC."""
    partitions = plan([source], wanted, by).partitions
    instants = ((each.window.start, each.window.end) for each in partitions)
    return [
        " ".join(f"{instant.astimezone(source.zone or UTC):%m-%dT%H:%M}" for instant in pair)
        for pair in instants
    ]


@given(
    st.datetimes(timezones=st.just(UTC), **YEARS),
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=100)),
    st.sampled_from(ZONES),
    st.sampled_from(sorted(WIDTHS)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=100)),
)
def test_partitions_and_gaps_are_exactly_what_is_wanted(
    start: datetime,
    length: timedelta,
    zone: ZoneInfo,
    by: str,
    lost: timedelta | None,
) -> None:
    wanted = Window(start, start + length)
    oldest = None if lost is None else start + lost
    planned = plan([source(zone, oldest)], wanted, by)
    parts = [gap.window for gap in planned.gaps]
    parts += [partition.window for partition in planned.partitions]
    assert (parts[0].start, parts[-1].end) == (wanted.start, wanted.end)
    assert all(one.end == next_one.start for one, next_one in pairwise(parts))
    assert all(partition.window.start >= (oldest or start) for partition in planned.partitions)
    assert len({partition.id for partition in planned.partitions}) == len(planned.partitions)
    inner = [partition.window.start for partition in planned.partitions[1:]]
    days = [(each - MILLISECOND, each) for each in inner]
    assert all(before.astimezone(zone).date() < day.astimezone(zone).date() for before, day in days)


@pytest.mark.parametrize(
    ("zone", "by", "start", "end", "expected"),
    [
        (
            UTC,
            "day",
            "2026-03-01T06:00Z",
            "2026-03-03T07:00Z",
            ["03-01T06:00 03-02T00:00", "03-02T00:00 03-03T00:00", "03-03T00:00 03-03T07:00"],
        ),
        (
            SEOUL,
            "day",
            "2026-03-01T00:00Z",
            "2026-03-02T00:00Z",
            ["03-01T09:00 03-02T00:00", "03-02T00:00 03-02T09:00"],
        ),
        (  # 23 hours
            BERLIN,
            "day",
            "2026-03-28T23:00Z",
            "2026-03-30T22:00Z",
            ["03-29T00:00 03-30T00:00", "03-30T00:00 03-31T00:00"],
        ),
        (
            UTC,
            "week",
            "2026-02-27T00:00Z",
            "2026-03-11T00:00Z",
            ["02-27T00:00 03-02T00:00", "03-02T00:00 03-09T00:00", "03-09T00:00 03-11T00:00"],
        ),
        (UTC, "week", "2026-12-28T00:00Z", "2027-01-04T00:00Z", ["12-28T00:00 01-04T00:00"]),
        (
            SEOUL,
            "month",
            "2026-01-31T15:00Z",
            "2026-03-01T15:00Z",
            ["02-01T00:00 03-01T00:00", "03-01T00:00 03-02T00:00"],
        ),
        (None, "day", "2026-03-01T00:00Z", "2026-05-01T00:00Z", ["03-01T00:00 05-01T00:00"]),
    ],
)
def test_partitions_begin_where_days_weeks_and_months_of_the_vendor_do(
    zone: object, by: str, start: str, end: str, expected: list[str]
) -> None:
    assert spans(source(zone), window(start, end), by) == expected


def test_a_day_of_23_hours_is_one_partition() -> None:
    wanted = window("2026-03-28T23:00Z", "2026-03-29T22:00Z")
    (partition,) = plan([source(BERLIN)], wanted, "day").partitions
    assert partition.window == wanted
    assert partition.window.end - partition.window.start == 23 * HOUR


def test_what_is_no_longer_kept_is_left_out_and_told_with_both_dates() -> None:
    oldest = datetime(2026, 3, 2, 12, tzinfo=UTC)
    wanted = window("2026-03-01T00:00Z", "2026-03-04T00:00Z")
    planned = plan([source(UTC, oldest)], wanted, "day")
    assert [format_instant(each.window.start) for each in planned.partitions] == [
        "2026-03-02T12:00:00.000Z",
        "2026-03-03T00:00:00.000Z",
    ]
    (gap,) = planned.gaps
    assert str(gap) == (
        "croct_events: events from 2026-03-01T00:00:00.000Z to 2026-03-02T12:00:00.000Z are no "
        "longer kept by the vendor and can't be read"
    )


def test_a_partition_is_told_in_json_by_its_stream_its_times_and_its_id() -> None:
    wanted = window("2026-03-01T00:00Z", "2026-03-02T00:00Z")
    (partition,) = plan([source()], wanted, "day").partitions
    assert partition.values == {
        "stream": "croct_events",
        "start": "2026-03-01T00:00:00.000Z",
        "end": "2026-03-02T00:00:00.000Z",
        "id": partition.id,
    }


def test_nothing_is_planned_where_all_is_gone() -> None:
    wanted = window("2026-03-01T00:00Z", "2026-03-04T00:00Z")
    planned = plan([source(UTC, wanted.end)], wanted, "day")
    assert (planned.partitions, [gap.window for gap in planned.gaps]) == ((), [wanted])


def test_an_id_is_the_same_however_much_the_vendor_still_keeps() -> None:
    wanted = window("2026-03-01T00:00Z", "2026-03-04T00:00Z")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    one, later, other = (
        [partition.id for partition in plan([each], wanted, "day").partitions]
        for each in (source(UTC), source(UTC, noon), source(UTC, origin="another"))
    )
    assert one == later
    assert not set(one) & set(other)
    assert one[0] == "croct_events-20260301T000000.000Z-20260302T000000.000Z-me"
