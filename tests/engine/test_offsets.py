"""A list that grows while it is read: every row once, or told that it must be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import RestartWindowError
from tap_eventexport.engine.offsets import Mark, OffsetReader, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[int, str]


class GrowingList:
    """Rows of one time each or more, to which some are added before each answer."""

    def __init__(
        self, rows: list[Row], growth: Sequence[int], page: int, *, newest_first: bool
    ) -> None:
        self.rows = rows
        self.growth = list(growth)
        self.page = page
        self.newest_first = newest_first
        self.asked = 0

    def ask(self, offset: int) -> tuple[list[Row], int]:
        self.asked += 1
        if self.asked > 1 and self.growth:
            for _ in range(self.growth.pop()):
                self.rows = [*self.rows, (self.rows[-1][0] + 1 if self.rows else 0, "new")]
        ordered = self.rows[::-1] if self.newest_first else self.rows
        return ordered[offset : offset + self.page], len(ordered)


def text_time(row: Row) -> str:
    return f"{row[0]:09}"


def read(growing: GrowingList, mark: Mark[Row] | None = None) -> list[Part[Row]]:
    return list(OffsetReader(growing.ask, text_time).parts(mark))


def rows_of(parts: list[Part[Row]]) -> list[Row]:
    return [row for part in parts for row in part.rows]


row_lists = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=60).map(sorted)


@given(
    rows=row_lists,
    growth=st.lists(st.integers(0, 4), max_size=10),
    page=st.integers(1, 9),
    newest_first=st.booleans(),
)
def test_rows_that_were_there_come_once_while_others_arrive(
    rows: list[Row], growth: list[int], page: int, *, newest_first: bool
) -> None:
    growing = GrowingList(rows, growth, page, newest_first=newest_first)
    try:
        got = rows_of(read(growing))
    except RestartWindowError:
        return  # then it is read from its start, until nothing arrives
    assert sorted(row for row in got if row[1] != "new") == rows
    new = [row for row in got if row[1] == "new"]
    assert len(set(new)) == len(new)


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_list_in_order_need_not_be_read_again_however_it_grows(*, newest_first: bool) -> None:
    rows = [(number, "a") for number in range(40)]
    for page, growth in ((5, 2), (2, 1), (40, 30), (7, 1)):
        growing = GrowingList(rows, [growth] * 20, page, newest_first=newest_first)
        got = rows_of(read(growing))
        assert sorted(row for row in got if row[1] == "a") == rows


def test_rows_that_are_all_alike_tell_nothing_and_must_be_read_again() -> None:
    growing = GrowingList([(1, "a")] * 9, [1], 4, newest_first=True)
    growing.growth = [0]
    assert len(rows_of(read(growing))) == 9

    alike = iter([9, 9, 10, 10])

    def ask(offset: int) -> tuple[list[Row], int]:
        total = next(alike)
        return [(1, "a")] * min(4, total - offset), total

    with pytest.raises(RestartWindowError, match="the number of events changed"):
        list(OffsetReader(ask, text_time).parts())


def test_events_that_arrive_faster_than_they_are_read_end_the_reading() -> None:
    rows = [(number, "a") for number in range(40)]
    growing = GrowingList(rows, [2] * 1000, 2, newest_first=True)
    with pytest.raises(RestartWindowError):
        read(growing)


@given(rows=row_lists, page=st.integers(1, 9), newest_first=st.booleans())
def test_a_list_that_stays_is_read_without_restart(
    rows: list[Row], page: int, *, newest_first: bool
) -> None:
    growing = GrowingList(rows, [], page, newest_first=newest_first)
    parts = read(growing)
    assert sorted(rows_of(parts)) == rows
    assert parts[-1].is_last
    assert growing.asked == max(1, -(-len(rows) // page))  # nothing is asked at the end


@given(
    rows=row_lists.filter(len),
    page=st.integers(1, 5),
    stop=st.integers(0, 20),
    newest_first=st.booleans(),
)
def test_a_mark_goes_on_where_it_was_made(
    rows: list[Row], page: int, stop: int, *, newest_first: bool
) -> None:
    growing = GrowingList(rows, [], page, newest_first=newest_first)
    before = read(growing)[: stop + 1]
    if before[-1].is_last:
        return
    last = before[-1].rows[-1]
    mark: Mark[Row] = Mark(before[-1].offset, before[-1].total, lambda row: row == last)
    growing.page += 1
    after = read(growing, mark)
    assert rows_of(before) + rows_of(after) == rows_of(read(growing))


@pytest.mark.parametrize(
    ("offset", "total", "last"), [(3, 9, (2, "a")), (3, 10, (5, "a")), (20, 10, (2, "a"))]
)
def test_a_mark_of_another_list_is_refused(offset: int, total: int, last: Row) -> None:
    growing = GrowingList([(n, "a") for n in range(10)], [], 4, newest_first=False)
    with pytest.raises(RestartWindowError):
        read(growing, Mark(offset, total, lambda row: row == last))


def test_fewer_rows_than_announced_are_not_the_end() -> None:
    def ask(offset: int) -> tuple[list[Row], int]:
        return [(1, "a")][offset:], 2

    with pytest.raises(RestartWindowError, match="only 1 of 2"):
        list(OffsetReader(ask, text_time).parts())
