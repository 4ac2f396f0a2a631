"""A cursor is followed to the list's end, however that is told, and never for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError
from tap_eventexport.engine.paging import cursors
from tap_eventexport.engine.paging.cursors import (
    MAX_EMPTY,
    MAX_REPEATED,
    CursorReader,
    Items,
    cursor_in,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

End = Literal["none", "same", "fresh"]


@dataclass
class Vendor:
    """A list in pages, which may be empty.

    Attributes:
        pages: The pages.
        end: What follows the last page: no cursor; or an empty page that repeats its cursor, or
            that has a new one each time.
        ignores_cursor: Whether it begins again with each of so many pages; 0 is no.
    """

    pages: Sequence[Sequence[int]]
    end: End = "none"
    ignores_cursor: int = 0
    asked: list[str | None] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def ask(self, cursor: str | None) -> Items[int]:
        self.asked.append(cursor)
        number = int(cursor.partition("-")[0]) if cursor else 0
        following = f"{number + 1}-{next(self._numbers)}"
        if self.ignores_cursor:
            return Items(self.pages[number % self.ignores_cursor], following)
        if number >= len(self.pages):
            return Items((), cursor if self.end == "same" else following)
        is_last = number == len(self.pages) - 1
        return Items(self.pages[number], None if is_last and self.end == "none" else following)


def read(vendor: Vendor, cursor: str | None = None) -> list[int]:
    pages = CursorReader(vendor.ask, "Acme", "this window").pages(cursor)
    return [item for page, _ in pages for item in page.items]


gaps = st.lists(
    st.one_of(st.just(()), st.lists(st.integers(), min_size=1, max_size=3, unique=True)),
    max_size=30,
)


@given(pages=gaps, end=st.sampled_from(["none", "same", "fresh"]))
def test_all_items_come_in_order_however_the_end_is_told(
    pages: list[Sequence[int]], end: End
) -> None:
    kept: list[Sequence[int]] = []
    for number, page in enumerate(pages):  # each page is another, and no gap is an end
        if page or len(kept) - sum(map(bool, kept)) < MAX_EMPTY - 1:
            kept.append([item * 100 + number for item in page])
    vendor = Vendor(kept or [()], end)
    assert read(vendor) == [item for page in kept for item in page]


def test_a_gap_is_the_end_and_a_shorter_one_is_not() -> None:
    gap: list[Sequence[int]] = [()] * (MAX_EMPTY - 1)
    vendor = Vendor([[1], *gap, [2], *gap, [3]], "fresh")
    reader = CursorReader(vendor.ask, "Acme", "this window")
    pages = list(reader.pages(None))
    assert [item for page, _ in pages for item in page.items] == [1, 2, 3]
    assert reader.ends_with_gap
    assert pages[-1][1] is None
    assert len(vendor.asked) == 3 + 2 * len(gap) + MAX_EMPTY
    told = CursorReader(Vendor([[1]]).ask, "Acme", "this window")
    assert len(list(told.pages(None))) == 1
    assert not told.ends_with_gap


def test_reading_goes_on_from_a_cursor_and_asks_no_sooner_than_needed() -> None:
    vendor = Vendor([[1], [2], [3]])
    pages = CursorReader(vendor.ask, "Acme", "this window").pages("1-x")
    page, following = next(pages)
    assert (page.items, vendor.asked) == ([2], ["1-x"])
    assert following is not None
    assert [list(page.items) for page, _ in pages] == [[3]]


@pytest.mark.parametrize("circle", [1, 2, 3, 5])
def test_pages_that_come_again_for_ever_are_an_error_and_told_once(circle: int) -> None:
    vendor = Vendor([[1, 2], [3, 4], [5, 6], [7], [8]], ignores_cursor=circle)
    pages = CursorReader(vendor.ask, "Acme", "this window").pages(None)
    assert [next(pages)[0].items for _ in range(circle)] == vendor.pages[:circle]
    with pytest.raises(FatalVendorError, match="sends the same page for each cursor in this wind"):
        next(pages)
    assert len(vendor.asked) == circle + MAX_REPEATED + 1


def test_a_page_again_in_another_order_is_the_same() -> None:
    with pytest.raises(FatalVendorError, match="the same page"):
        read(Vendor([[1, 2, 3], [3, 1, 2], [2, 3, 1]], ignores_cursor=3))


@pytest.mark.parametrize("twins", [2, MAX_REPEATED, MAX_REPEATED + 1])
@pytest.mark.parametrize("end", ["none", "same", "fresh"])
def test_a_few_pages_full_of_twins_are_pages(twins: int, end: End) -> None:
    assert read(Vendor([[1], *[[7]] * twins], end)) == [1, *[7] * twins]
    assert read(Vendor([*[[7]] * twins, [1], [7]], end)) == [*[7] * twins, 1, 7]


def test_a_cursor_that_repeats_is_an_error() -> None:
    answers = iter([Items([1], "a"), Items([2], "b"), Items([3], "a")])
    pages = CursorReader(lambda _: next(answers), "Acme", "this window").pages(None)
    assert [list(next(pages)[0].items) for _ in range(2)] == [[1], [2]]
    with pytest.raises(FatalVendorError, match="Acme repeats a cursor in this window"):
        next(pages)


def test_pages_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "MAX_PAGES", 10)
    with pytest.raises(FatalVendorError, match="sent 10 pages in this window, which would never"):
        read(Vendor([[number] for number in range(11)]))


def test_an_empty_cursor_is_none() -> None:
    reader = CursorReader(lambda _: Items([1], ""), "Acme", "this window")
    assert [following for _, following in reader.pages(None)] == [None]


class Event(msgspec.Struct):
    name: str
    data: msgspec.Raw


def test_a_page_is_known_by_its_content_in_any_order() -> None:
    events = [Event(name, msgspec.Raw(b'{"a": 1}')) for name in "ab"]
    page = Items(events, "x")
    assert page.digest == Items([*reversed(events)], "y").digest
    assert page.digest != Items(events[:1], "x").digest
    assert page.digest != Items([events[0], Event("b", msgspec.Raw(b'{"a": 2}'))], "x").digest
    assert (page.is_empty, Items([], "x").is_empty) == (False, True)


def test_a_place_holds_a_cursor_or_can_not_be_understood() -> None:
    assert [cursor_in(place) for place in (None, {}, {"cursor": "x"})] == [None, None, "x"]
    with pytest.raises(RestartWindowError):
        cursor_in({"cursor": 5})
