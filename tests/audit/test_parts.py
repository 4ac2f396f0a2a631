"""Digests, comparisons, names and days, each on its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from tap_eventexport.audit import comparison, digests
from tap_eventexport.audit.comparison import Counts, Day, compare
from tap_eventexport.audit.content import content_digest, kind_of
from tap_eventexport.audit.digests import DigestFiles, key_digest, tally_of
from tap_eventexport.audit.scope import Scope
from tap_eventexport.audit.show import table_lines
from tap_eventexport.audit.tables import matching
from tap_eventexport.engine.sent.spans import MODULUS
from tap_eventexport.engine.windows import Window, calendar_days, format_instant

if TYPE_CHECKING:
    from pathlib import Path

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
records = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=30)
SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")


@dataclass
class Stream:
    """What a scope needs of a stream."""

    replication_key: str = "time"


def scope(whole: Window, zone: Any = UTC) -> Scope:
    days = tuple(day.clipped(whole) for day in calendar_days(whole, zone))
    stream: Any = Stream()
    return Scope(stream, "events", ("id",), {}, zone, days)


@given(st.lists(keys, min_size=1, max_size=20))
@hypothesis(max_examples=50)
def test_a_tally_is_what_a_warehouse_counts(names: list[str]) -> None:
    told = tally_of(b"".join(map(key_digest, names)), digests.KEY)
    with duckdb.connect() as connection:
        connection.execute("create table keys (key varchar)")
        connection.executemany("insert into keys values (?)", [[name] for name in names])
        query = "select count(*), sum(('0x' || md5(key)[:16])::ubigint) from keys"
        ((count, digest),) = connection.execute(query).fetchall()
    assert told == (count, int(digest) % MODULUS)


@pytest.mark.parametrize("most", [1, 3, 1000])
@given(vendor=records, store=records)
@hypothesis(max_examples=50)
def test_a_day_is_compared_the_same_in_any_number_of_parts(
    tmp_path_factory: pytest.TempPathFactory,
    most: int,
    vendor: list[tuple[int, int]],
    store: list[tuple[int, int]],
) -> None:
    def files(entries: list[tuple[int, int]]) -> DigestFiles:
        made = DigestFiles(tmp_path_factory.mktemp("files"), digests.KEY + digests.CONTENT)
        made.add(7, [key_digest(f"{key}") + b"%08d" % content for key, content in entries])
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparison, "MOST", most)
        patched.setattr(digests, "MOST_WAITING", 50)
        counts = compare(files(vendor), files(store), 7)
    ours, theirs = {key for key, _ in vendor}, {key for key, _ in store}
    assert counts == Counts(
        vendor=len(ours),
        store=len(store),
        missing=len(ours - theirs),
        doubled=len(store) - len(theirs),
        changed=len((ours & theirs) - {key for key, _ in {*vendor} & {*store}}),
        gone=len(theirs - ours),
    )


def test_files_of_entries_come_back_and_can_be_removed(tmp_path: Path) -> None:
    files = DigestFiles(tmp_path, digests.KEY)
    entries = [key_digest(f"{number}") for number in range(25_000)]
    files.add(1, entries)
    files.add(2, entries[:1])
    assert Counter(entry for some in files.read(1) for entry in some) == Counter(entries)
    assert (files.count(1), files.count(2), files.count(3)) == (25_000, 1, 0)
    files.remove(1)
    assert files.count(1) == 0
    assert list(files.read(3)) == []


@pytest.mark.parametrize(
    ("kind", "vendor", "store"),
    [
        ("text", "a\0b", "ab"),
        ("text", 5, "5"),
        ("time", "2026-03-01T00:00:00.123Z", 1772323200.123),
        ("time", "2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("time", "2026-03-01T09:00:00+09:00", datetime(2026, 3, 1)),  # noqa: DTZ001
        ("time", "2026-03-01", datetime(2026, 3, 1).date()),  # noqa: DTZ001
        ("number", 0.1, Decimal("0.10")),
        ("number", 10**30, "1e30"),
        ("integer", 10**20, Decimal(10**20)),
        ("boolean", True, 1),
        ("boolean", False, "false"),
        ("json", {"a": [1, 2.0, None], "b": "c\0"}, '{"b": "c", "a": [1.0, 2, null]}'),
        ("json", "word", '"word"'),
        ("json", "not json", "not json"),
        ("integer", "not a number", "not a number"),
    ],
)
def test_contents_that_a_loader_keeps_in_its_own_form_are_alike(
    kind: str, vendor: Any, store: Any
) -> None:
    assert content_digest([(kind, vendor)]) == content_digest([(kind, store)])
    assert content_digest([(kind, vendor)]) != content_digest([(kind, None)])


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": ["string", "null"]}, "text"),
        ({"type": "string", "format": "date-time"}, "time"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "time"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["number"]}, "number"),
        ({"type": ["boolean", "null"]}, "boolean"),
        ({"type": ["array", "null"]}, "json"),
        ({"type": ["string", "object"]}, "json"),
        ({}, "json"),
        ({"type": "null"}, "text"),
    ],
)
def test_a_column_has_the_kind_of_its_schema(schema: dict[str, Any], kind: str) -> None:
    assert kind_of(schema) == kind


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("eventType", ["eventtype", "eventType"], "eventType"),
        ("eventType", ["event_type", "EVENTTYPE"], "EVENTTYPE"),
        ("eventType", ["event_type"], "event_type"),
        ("_extra", ["extra"], "extra"),
        ("id", ["ids"], None),
    ],
)
def test_a_name_is_found_as_loaders_make_it(
    name: str, found: list[str], expected: str | None
) -> None:
    assert matching(name, found) == expected


@pytest.mark.parametrize("zone", [UTC, SEOUL, NEW_YORK])
@given(st.lists(st.timedeltas(timedelta(-1), timedelta(days=5)), min_size=1, max_size=10))
@hypothesis(max_examples=30)
def test_a_time_lies_in_the_day_of_the_zone(zone: Any, moments: list[timedelta]) -> None:
    start = datetime(2026, 3, 7, 3, 4, 5, tzinfo=UTC)  # the clocks of New York change on the next
    whole = Window(start, start + timedelta(days=3))
    looked = scope(whole, zone)
    times = [start + moment for moment in moments]
    found = looked.days_of([format_instant(time) for time in times])
    for time, day in zip(times, found, strict=True):
        milliseconds = time.replace(microsecond=time.microsecond // 1000 * 1000)
        if whole.start <= milliseconds < whole.end:
            assert day is not None
            assert looked.date(day) == str(milliseconds.astimezone(zone).date())
        else:
            assert day is None


def test_times_in_other_forms_are_understood() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    looked = scope(Window(start, start + timedelta(days=2)))
    assert looked.days_of(["2026-03-02T08:59:59+09:00", "2026-03-02 00:00:00"]) == [0, 1]
    with pytest.raises(ValueError, match="not a date"):
        looked.day_of("yesterday")


def test_the_table_has_the_days_that_differ_and_a_sum() -> None:
    days = [
        Day("a_events", "2026-03-01", Counts(1200, 1200)),
        Day("a_events", "2026-03-02", Counts(10, 9, missing=1)),
        Day("b_events", "2026-03-01", Counts(5, 5)),
    ]
    assert list(table_lines(days)) == [
        "stream    day         vendor  store  missing  doubled  changed  gone",
        "a_events  2026-03-02      10      9        1        0        0     0",
        "a_events  2 days       1,210  1,209        1        0        0     0",
        "b_events  1 day            5      5        0        0        0     0",
    ]
