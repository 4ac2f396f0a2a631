"""No record without a key passes, wherever it is, nor one of another time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import compress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.singer.keys import check, checked, inside
from tap_eventexport.engine.windows import Window, format_instant


class Record(msgspec.Struct):
    first: str | None
    time: str | None = msgspec.field(default="t", name="_time")


NAMES = ("first", "_time")
GOOD = [Record("a"), Record("b")]


@pytest.mark.parametrize(
    ("records", "name", "number"),
    [
        ([*GOOD, Record("")], "first", 3),
        ([Record(None), *GOOD], "first", 1),
        ([*GOOD, Record("c", "")], "_time", 3),
        ([{"first": "a", "_time": "t"}, {"_time": "t"}], "first", 2),
        ([{"first": "a", "_time": None}], "_time", 1),
    ],
)
@pytest.mark.parametrize("spooled", [0, 1])
def test_a_record_without_a_key(records: list[Any], name: str, number: int, spooled: int) -> None:
    page = Page([GOOD, records], None, disk_bytes=spooled)
    with pytest.raises(FatalVendorError, match=f"record {number + 2} of a page has no {name},"):
        list(checked(page, NAMES, "a page").batches)


def test_a_struct_without_such_a_column() -> None:
    with pytest.raises(FatalVendorError, match="record 1 of a page has no 'the key',"):
        check(GOOD, ["the key"], "a page")


def test_what_has_its_keys_passes() -> None:
    blocks: list[list[Any]] = [GOOD, [], [{"first": 0, "_time": "t"}]]
    assert checked(Page(blocks, None), NAMES, "a page").batches == blocks
    spooled = checked(Page(iter(blocks), None, disk_bytes=1), NAMES, "a page")
    assert list(spooled.batches) == blocks


class Event(msgspec.Struct):
    time: str = msgspec.field(name="_time")


WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
INSIDE = ["2026-03-01T00:00:00.000Z", "2026-03-01T12:00:00.000Z", "2026-03-01T23:59:59.999Z"]
BEFORE, BEHIND = "2026-02-28T23:59:59.999Z", "2026-03-02T00:00:00.000Z"


def events(times: list[str], *, is_struct: bool) -> list[Any]:
    return [Event(time) if is_struct else {"_time": time} for time in times]


def kept(blocks: list[list[Any]], spooled: int = 0) -> list[list[Any]]:
    """The blocks of a page, without what lies outside; those of a large one come one by one."""
    page = inside(Page(iter(blocks), None, disk_bytes=spooled), "_time", WINDOW, "a page")
    assert isinstance(page.batches, list) != bool(spooled)
    return list(page.batches)  # type: ignore[arg-type]


@pytest.mark.parametrize("spooled", [0, 1])
@pytest.mark.parametrize("is_struct", [True, False])
def test_what_lies_outside_is_left_out(spooled: int, *, is_struct: bool) -> None:
    """A record at the window's start is inside, one at its end is not."""
    blocks = [INSIDE, [BEHIND, *INSIDE, BEFORE], [], [BEFORE], [INSIDE[2], BEHIND, INSIDE[0]]]
    made = [events(times, is_struct=is_struct) for times in blocks]
    expected = [INSIDE, INSIDE, [], [], [INSIDE[2], INSIDE[0]]]
    assert kept(made, spooled) == [events(times, is_struct=is_struct) for times in expected]


def test_a_block_of_which_all_is_inside_is_not_made_anew() -> None:
    block = events(INSIDE, is_struct=True)
    assert kept([block])[0] is block


@pytest.mark.parametrize(
    ("time", "is_inside"),
    [
        ("2026-03-01T09:00:00+09:00", True),
        ("2026-03-01T00:00:00+0900", False),  # as long as what is usual, and ends otherwise
        ("2026-03-01T08:59:59.999+09:00", False),
        ("2026-03-01 00:00:00.000Z", True),
        ("2026-03-01", True),
        ("2026-03-01T23:59:59.999999Z", True),
        ("2026-03-02T00:00:00Z", False),
        ("2026-03-02T09:00:00.000000+09:00", False),
        ("2026-02-28T23:59:59.999999Z", False),
    ],
)
def test_times_of_other_forms_are_compared_as_times(time: str, is_inside: bool) -> None:  # noqa: FBT001
    block = events([INSIDE[1], time, BEHIND], is_struct=True)
    assert kept([block]) == [block[: 1 + is_inside]]


@pytest.mark.parametrize("time", ["yesterday", 1772323200000])
def test_what_is_no_time_is_an_error(time: Any) -> None:
    blocks = [events(INSIDE, is_struct=True), events([BEFORE, time], is_struct=True)]
    with pytest.raises(
        FatalVendorError, match="record 5 of a page has a time that is not in RFC 3339"
    ):
        kept(blocks)


@given(st.lists(st.integers(-3, 3)))
def test_nothing_inside_is_lost(shifts: list[int]) -> None:
    """Milliseconds around both ends."""
    for edge in (WINDOW.start, WINDOW.end):
        instants = [edge + timedelta(milliseconds=shift) for shift in shifts]
        block = events([format_instant(instant) for instant in instants], is_struct=True)
        wanted = [WINDOW.start <= instant < WINDOW.end for instant in instants]
        assert kept([block]) == [list(compress(block, wanted))]
