"""A list by offset, whatever the vendor makes of it: every row once, or told that it can't be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import RestartWindowError
from tap_eventexport.engine.paging.offset_facts import FAR, Paging, PagingError
from tap_eventexport.engine.paging.offsets import Counted, OffsetPage, OffsetReader, ResumePoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = tuple[int, str]

MOST_ASKED = 2_000  # requests that no test needs


@dataclass
class Listing:
    """A vendor's list; how it is ordered, and what it makes of offsets, limits and totals.

    Attributes:
        rows: The rows, the earliest first.
        order: How they are listed.
        offset: What an offset means.
        total: What is told as the total, of all rows and of those of the answer.
        cap: How many rows an answer has at most.
        growth: How many rows arrive before each answer but the first, from the last one on.
    """

    rows: list[Row]
    order: str = "newest first"
    offset: str = "row"
    total: Callable[[int, int], int | None] = field(default=lambda found, _: found)
    cap: int = 10**9
    growth: Sequence[int] = ()
    asked: list[tuple[int, int]] = field(default_factory=list)

    def ask(self, offset: int, limit: int) -> tuple[list[Row], int | None]:
        if self.asked and self.growth:
            *self.growth, arrived = self.growth
            for _ in range(arrived):
                self.rows = [*self.rows, (self.rows[-1][0] + 1 if self.rows else 0, "new")]
        self.asked.append((offset, limit))
        assert len(self.asked) < MOST_ASKED
        size = min(limit, self.cap)
        place = {
            "row": offset,
            "page": offset * size,
            "ignored": 0,
            "rounded": offset // limit * limit,
            "clamped": min(offset, max(0, len(self.rows) - size)),
        }[self.offset]
        page = self.listed()[place : place + size]
        return page, self.total(len(self.rows), len(page))

    def listed(self) -> list[Row]:
        match self.order:
            case "newest first":
                return self.rows[::-1]
            case "oldest first":
                return self.rows
            case _:
                return sorted(self.rows, key=lambda row: (row[0] * 7919 % 101, row))


def text_time(row: Row) -> str:
    return f"{row[0]:09}"


def read(
    listing: Listing, limit: int, *known: Any, boundary: int = 0, paging: Paging | None = None
) -> list[OffsetPage[Row]]:
    """Read a list, from a mark or with rows that were counted."""
    paging = paging or Paging()
    reader = OffsetReader(listing.ask, text_time, limit, paging, text_time((boundary, "")))
    parts = list(reader.parts(*known))
    assert parts[-1].is_last
    assert not any(part.is_last for part in parts[:-1])
    return parts


def rows_of(parts: list[OffsetPage[Row]]) -> list[Row]:
    return [row for part in parts for row in part.rows]


ORDERS = ("newest first", "oldest first", "in no order")
TOTALS: dict[str, Callable[[int, int], int | None]] = {
    "all": lambda found, _: found,
    "of the answer": lambda _, answer: answer,
    "none": lambda *_: None,
    "zero": lambda *_: 0,
}
row_lists = st.one_of(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=60).map(sorted),
    st.integers(0, 40).map(lambda count: [(1, "a")] * count),
)
orders = st.sampled_from(ORDERS)
caps = st.sampled_from([2, 3, 7, 10**9])


# Lists that grow


@given(
    rows=row_lists,
    growth=st.lists(st.integers(0, 4), max_size=10),
    limit=st.integers(1, 9),
    order=st.sampled_from(ORDERS[:2]),
    cap=caps,
)
def test_rows_that_were_there_come_once_while_others_arrive(
    rows: list[Row], growth: list[int], limit: int, order: str, cap: int
) -> None:
    listing = Listing(rows, order, cap=cap, growth=growth)
    try:
        got = rows_of(read(listing, limit))
    except RestartWindowError:
        return  # then it is read from its start, until nothing arrives
    assert sorted(row for row in got if row[1] != "new") == rows
    new = [row for row in got if row[1] == "new"]
    assert len(set(new)) == len(new)


@pytest.mark.parametrize("order", ORDERS[:2])
def test_a_list_in_order_need_not_be_read_again_however_it_grows(order: str) -> None:
    rows = [(number, "a") for number in range(40)]
    for limit, arrive in ((5, 2), (2, 1), (40, 30), (7, 1), (1, 0)):
        listing = Listing(rows, order, growth=[arrive] * 20)
        got = rows_of(read(listing, limit))
        assert sorted(row for row in got if row[1] == "a") == rows


def test_rows_that_are_all_alike_tell_nothing_and_must_be_read_again() -> None:
    assert len(rows_of(read(Listing([(1, "a")] * 9), 4))) == 9

    alike = iter([9, 9, 10, 10])

    def ask(offset: int, limit: int) -> tuple[list[Row], int]:
        total = next(alike) if offset < FAR else 0
        return [(1, "a")] * max(0, min(limit, total - offset)), total

    with pytest.raises(RestartWindowError, match="the number of events changed"):
        list(OffsetReader(ask, text_time, 4, Paging()).parts())


def test_events_that_arrive_faster_than_they_are_read_end_the_reading() -> None:
    for limit in (2, 3):
        with pytest.raises(RestartWindowError, match="events arrive faster"):
            read(Listing(DISTINCT, growth=[limit - 1] * 1000), limit)
        with pytest.raises(RestartWindowError, match="the number of events changed"):
            read(Listing(DISTINCT, growth=[limit] * 1000), limit)


def test_a_list_of_which_one_row_at_a_time_is_given_may_grow() -> None:
    listing = Listing(DISTINCT, ORDERS[1], cap=1, growth=[1] * 9)
    got = Counter(rows_of(read(listing, 9)))
    assert not Counter(DISTINCT) - got
    assert not got - Counter(listing.rows)


@pytest.mark.parametrize("order", ORDERS)
def test_a_list_without_a_total_that_grows(order: str) -> None:
    rows = [(number, "a") for number in range(60)]
    listing = Listing(rows, order, total=TOTALS["none"], growth=[1, 0, 2, 0, 1, 0])
    got = rows_of(read(listing, 8)) if order != ORDERS[2] else rows
    assert sorted(row for row in got if row[1] == "a") == rows
    assert max(Counter(got).values()) == 1


# Lists that stay


@given(rows=row_lists, limit=st.integers(1, 9), order=orders, cap=caps)
@example(rows=[(1, "a")] * 12, limit=3, order=ORDERS[0], cap=10**9)
@example(rows=[(1, "a"), (2, "a")] * 4, limit=2, order=ORDERS[1], cap=10**9)
def test_a_list_that_stays_is_read_without_restart(
    rows: list[Row], limit: int, order: str, cap: int
) -> None:
    parts = read(Listing(rows, order, cap=cap), limit)
    assert sorted(rows_of(parts)) == sorted(rows)


@given(
    rows=row_lists,
    limit=st.integers(1, 9),
    order=orders,
    cap=caps,
    total=st.sampled_from(list(TOTALS)),
    earlier=row_lists,
)
@example(rows=[(1, "a")] * 9, limit=1, order=ORDERS[0], cap=10**9, total="none", earlier=[])
@example(rows=[(1, "a")] * 9, limit=9, order=ORDERS[0], cap=3, total="zero", earlier=[])
@example(rows=[(1, "a")], limit=9, order=ORDERS[0], cap=3, total="none", earlier=[(1, "b")] * 9)
def test_whatever_is_told_as_the_total_every_row_comes_once(  # noqa: PLR0913
    rows: list[Row], limit: int, *, order: str, cap: int, total: str, earlier: list[Row]
) -> None:
    paging = Paging()
    for listed in (earlier, rows):
        listing = Listing(listed, order, total=TOTALS[total], cap=cap)
        assert sorted(rows_of(read(listing, limit, paging=paging))) == sorted(listed)


@given(
    rows=row_lists,
    limit=st.integers(1, 70),
    order=orders,
    means=st.sampled_from(
        [(offset, "all") for offset in ("ignored", "page", "rounded", "clamped")]
        + [("ignored", "of the answer")]
    ),
)
def test_whatever_an_offset_means_no_row_is_lost_or_made_up(
    rows: list[Row], limit: int, order: str, means: tuple[str, str]
) -> None:
    offset, total = means
    listing = Listing(rows, order, offset, TOTALS[total])
    try:
        assert sorted(rows_of(read(listing, limit))) == sorted(rows)
    except (PagingError, RestartWindowError):
        is_one_page = len(rows) < limit and total == "all"
        assert not is_one_page


DISTINCT = [(number, "a") for number in range(50)]
ALIKE = [(1, "a")] * 50
CHANGING = cycle((60, 65, 52))
READABLE = {
    "an offset that is ignored, all on one page": (DISTINCT, 60, {"offset": "ignored"}),
    "the same, and as many as asked for": (DISTINCT, 50, {"offset": "ignored"}),
    "pages by number, all on one page": (DISTINCT, 60, {"offset": "page"}),
    "whole pages only": (DISTINCT, 20, {"offset": "rounded"}),
    "whole pages, the last one full": (DISTINCT, 10, {"offset": "rounded"}),
    "whole pages of less than was asked for": (DISTINCT, 20, {"offset": "rounded", "cap": 7}),
    "events that are alike": (ALIKE, 10, {}),
    "alike, and whole pages only": (ALIKE, 10, {"offset": "rounded"}),
    "alike, all on one page": (ALIKE, 60, {"offset": "ignored"}),
    "alike, and the total of the answer": (ALIKE, 60, {"cap": 9, "total": TOTALS["of the answer"]}),
    "pages that repeat themselves": ([(1, "a"), (2, "b")] * 25, 10, {"order": "in no order"}),
    "one event": ([(1, "a")], 10, {"offset": "ignored"}),
    "one at a time": (DISTINCT, 1, {"total": TOTALS["of the answer"]}),
    "one at a time, though more are asked for": (DISTINCT, 9, {"cap": 1, "total": TOTALS["none"]}),
    "a total that changes": (DISTINCT, 10, {"total": lambda *_: next(CHANGING)}),
    "a total that stops at some number": (DISTINCT, 10, {"total": lambda found, _: min(found, 20)}),
    "a total that is less": (DISTINCT, 10, {"total": lambda found, _: found - 3}),
}


@pytest.mark.parametrize(("rows", "limit", "ways"), READABLE.values(), ids=READABLE)
def test_ways_of_paging_that_can_be_read(rows: list[Row], limit: int, ways: Any) -> None:
    assert Counter(rows_of(read(Listing(rows, **ways), limit))) == Counter(rows)


UNREADABLE = {
    "an offset that is ignored": (DISTINCT, 10, {"offset": "ignored"}, "offset 1000000000 returns"),
    "and a list that grows": (
        DISTINCT,
        10,
        {"offset": "ignored", "growth": [1] * 9},
        "offset 1000000000 returns",
    ),
    "and the total of the answer": (
        DISTINCT,
        10,
        {"offset": "ignored", "total": TOTALS["of the answer"]},
        "offset 1000000000 returns",
    ),
    "and events that are alike": (ALIKE, 10, {"offset": "ignored"}, "offset 1000000000 returns"),
    "and all three": (
        ALIKE,
        10,
        {"offset": "ignored", "total": TOTALS["of the answer"]},
        "offset 1000000000 returns",
    ),
    "and no total": (
        DISTINCT,
        60,
        {"offset": "ignored", "total": TOTALS["none"]},
        "returns events",
    ),
    "an end that is repeated": (DISTINCT, 20, {"offset": "clamped"}, "returns events"),
    "pages by number": (DISTINCT, 10, {"offset": "page"}, "doesn't begin with event"),
    "pages by number, many": (DISTINCT * 9, 2, {"offset": "page"}, "doesn't begin with event"),
    "pages by number and their totals": (
        DISTINCT,
        10,
        {"offset": "page", "total": TOTALS["of the answer"]},
        "doesn't begin with event",
    ),
}


@pytest.mark.parametrize(("rows", "limit", "ways", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_ways_of_paging_that_lose_or_repeat_are_told(
    rows: list[Row], limit: int, ways: Any, words: str
) -> None:
    with pytest.raises(PagingError, match=words):
        read(Listing(rows, **ways), limit)


def test_a_page_that_comes_again_among_others_is_no_page() -> None:
    """A vendor that divides the offset by what was asked for, though it gives less."""
    listing = Listing(DISTINCT, cap=10)

    def ask(offset: int, limit: int) -> tuple[list[Row], int | None]:
        return listing.ask(offset if offset in {0, FAR} else offset // 20 * 20, limit)

    with pytest.raises(PagingError, match="the events before offset 10 are repeated"):
        list(OffsetReader(ask, text_time, 30, Paging()).parts())


@pytest.mark.parametrize(
    ("rows", "limit", "requests"),
    [
        pytest.param([], 10, 1, id="nothing"),
        pytest.param(DISTINCT[:1], 10, 1, id="one"),
        pytest.param(DISTINCT[:9], 10, 2, id="one page: does the total count all?"),
        pytest.param(DISTINCT[:10], 10, 2, id="one full page: is there more behind it?"),
        pytest.param(DISTINCT[:45], 10, 5, id="pages"),
        pytest.param(DISTINCT, 10, 6, id="full pages: is there more behind the last?"),
    ],
)
def test_only_what_isnt_known_is_asked(rows: list[Row], limit: int, requests: int) -> None:
    listing = Listing(rows)
    paging = Paging()
    assert len(rows_of(read(listing, limit, paging=paging))) == len(rows)
    assert len(listing.asked) == requests
    if len(rows) == 9:
        listing = Listing(DISTINCT[:8])
        read(listing, limit, paging=paging)
        assert len(listing.asked) == 1  # it is known now


def test_events_alike_as_many_as_on_another_day_are_all_there() -> None:
    paging = Paging()
    for rows in (DISTINCT[:9], [(1, "a")] * 9):
        for offset in ("rounded", "row"):
            assert rows_of(read(Listing(rows, ORDERS[1], offset), 20, paging=paging)) == rows


@pytest.mark.parametrize("total", [10**18, 51])
def test_fewer_rows_than_announced_are_not_the_end(total: int) -> None:
    for rows in (DISTINCT, []):
        with pytest.raises(RestartWindowError, match=f"only {len(rows)} of {total} announced"):
            read(Listing(rows, total=lambda *_: total), 10)


# Lists that were read before


@given(
    rows=row_lists.filter(len),
    limit=st.integers(1, 5),
    stop=st.integers(0, 20),
    order=st.sampled_from(ORDERS[:2]),
)
def test_a_mark_goes_on_where_it_was_made(
    rows: list[Row], limit: int, stop: int, order: str
) -> None:
    listing = Listing(rows, order)
    before = read(listing, limit)[: stop + 1]
    if before[-1].is_last:
        return
    last, total = before[-1].rows[-1], before[-1].total or 0
    mark: ResumePoint[Row] = ResumePoint(before[-1].offset, total, lambda row: row == last)
    after = read(listing, limit + 1, mark)
    assert rows_of(before) + rows_of(after) == rows_of(read(listing, limit))
    assert after[-1].counted is None


@pytest.mark.parametrize(
    ("offset", "total", "last"), [(3, 9, (2, "a")), (3, 10, (5, "a")), (20, 10, (2, "a"))]
)
def test_a_mark_of_another_list_is_refused(offset: int, total: int, last: Row) -> None:
    listing = Listing([(n, "a") for n in range(10)], ORDERS[1])
    with pytest.raises(RestartWindowError):
        read(listing, 4, ResumePoint(offset, total, lambda row: row == last))


@given(
    rows=row_lists,
    arrivals=st.lists(
        st.tuples(st.lists(st.tuples(st.integers(0, 45), st.sampled_from("abc")), max_size=8)),
        min_size=1,
        max_size=3,
    ),
    boundaries=st.lists(st.integers(0, 45), min_size=3, max_size=3).map(sorted),
    limit=st.integers(1, 9),
    order=orders,
    growth=st.lists(st.integers(0, 2), max_size=4),
)
def test_what_was_counted_need_not_be_read_and_nothing_else_is_left_out(  # noqa: PLR0913
    rows: list[Row],
    arrivals: list[tuple[list[Row]]],
    boundaries: list[int],
    *,
    limit: int,
    order: str,
    growth: list[int],
) -> None:
    """A row may arrive late, anywhere, or while the list is read."""
    counted: Counted | None = None
    known = rows
    for (arrived,), boundary in zip(arrivals, boundaries, strict=False):
        known = sorted([*known, *arrived])
        listing = Listing(known, order, growth=list(growth))
        try:
            parts = read(listing, limit, None, counted, boundary=boundary)
        except RestartWindowError:
            listing.growth = ()
            known = listing.rows
            parts = read(listing, limit, None, None, boundary=boundary)
        needed = int(counted.before) if counted else 0
        got = Counter(row for row in rows_of(parts) if row[0] >= needed)
        missed = Counter(row for row in known if row[0] >= needed) - got
        assert not missed
        assert not got - Counter(row for row in listing.rows if row[0] >= needed)
        known = listing.rows
        counted = parts[-1].counted
        if counted:
            assert counted.count <= sum(row[0] < boundary for row in known)


@pytest.mark.parametrize("order", ORDERS[:2])
def test_what_arrived_takes_as_many_requests_however_long_the_list_is(order: str) -> None:
    counted: Counted | None = None
    for hours in range(1, 24):
        rows = [(number, "a") for number in range(hours * 100)]
        boundary = hours * 100 - 5
        listing = Listing(rows, order)
        parts = read(listing, 50, None, counted, boundary=boundary)
        got = rows_of(parts)
        assert set(got) >= {(number, "a") for number in range(boundary - 95, hours * 100)}
        if hours > 1:
            assert len(listing.asked) == 3
            assert len(got) <= 150
        counted = parts[-1].counted
        assert counted == Counted(text_time((boundary, "")), boundary, order == ORDERS[0])


@pytest.mark.parametrize("order", ORDERS[:2])
def test_nothing_new_takes_one_request(order: str) -> None:
    listing = Listing(DISTINCT, order)
    counted = read(listing, 10, boundary=50)[-1].counted
    listing.asked.clear()
    parts = read(listing, 10, None, counted, boundary=50)
    assert len(listing.asked) == 1
    assert parts[-1].counted == counted


CHANGES: dict[str, Callable[[list[Row]], list[Row]]] = {
    "an older row that came late": lambda rows: sorted([*rows, (3, "late")]),
    "a row that went": lambda rows: rows[1:],
    "rows that went": lambda rows: rows[20:],
}


@pytest.mark.parametrize("order", ORDERS[:2])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_list_that_doesnt_add_up_is_read_whole(
    order: str, change: Callable[[list[Row]], list[Row]]
) -> None:
    counted = Counted(text_time((40, "")), 40, order == ORDERS[0])
    rows = change([*DISTINCT, (50, "b"), (51, "b")])
    listing = Listing(rows, order)
    try:
        parts = read(listing, 10, None, counted, boundary=45)
    except RestartWindowError:  # some were handed out before it was seen
        parts = read(listing, 10, None, None, boundary=45)
    assert sorted(rows_of(parts)) == rows
    new = parts[-1].counted
    assert new
    assert new.count == sum(row[0] < 45 for row in rows)


def test_an_older_row_on_a_later_page_sends_back_to_the_start() -> None:
    counted = Counted(text_time((40, "")), 40, newest_first=False)
    listing = Listing([*DISTINCT, (3, "late"), (51, "a")], ORDERS[1])
    with pytest.raises(RestartWindowError, match="no longer in order of time"):
        read(listing, 5, None, counted)


def test_a_list_that_is_empty_now_has_nothing_to_find() -> None:
    for newest_first in (True, False):
        counted = Counted(text_time((40, "")), 40, newest_first)
        assert not rows_of(read(Listing([]), 5, None, counted))


def test_a_list_without_order_or_total_leaves_nothing_counted() -> None:
    assert read(Listing(DISTINCT, ORDERS[2]), 10, boundary=40)[-1].counted is None
    listing = Listing(DISTINCT, total=TOTALS["none"])
    assert read(listing, 10, boundary=40)[-1].counted is None
    parts = read(
        listing, 10, None, Counted(text_time((40, "")), 40, newest_first=True), boundary=45
    )
    assert sorted(rows_of(parts)) == DISTINCT
    assert read(Listing(DISTINCT), 10, boundary=0)[-1].counted is None


def test_a_boundary_that_goes_back_leaves_nothing_counted() -> None:
    counted = Counted(text_time((40, "")), 40, newest_first=True)
    assert read(Listing(DISTINCT), 10, None, counted, boundary=30)[-1].counted is None
