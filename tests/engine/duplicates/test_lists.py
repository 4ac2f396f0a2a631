"""Twins have the same keys however a list is read: whole, or in parts with STATE between them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.duplicates import lists
from tap_eventexport.engine.duplicates.identity import content_key
from tap_eventexport.engine.duplicates.lists import DuplicateList
from tap_eventexport.engine.errors import RestartWindowError

A, B = (content_key([name]) for name in "AB")
Rows = list[tuple[int, int]]  # time and content


def keys(rows: Rows, cursor: Any = None) -> tuple[list[str], Any]:
    """The keys of rows read together, and the place behind them."""
    twin_list = DuplicateList(cursor)
    got = twin_list.keys([content_key(row) for row in rows], [time for time, _ in rows])
    return list(got), twin_list.cursor()


rows_in_order = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=20).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


@given(
    rows=rows_in_order,
    cuts=st.lists(st.integers(0, 20), max_size=3).map(sorted),
    is_newest_first=st.booleans(),
)
@example(rows=[(1, 0), (1, 1), (1, 1), (1, 0)], cuts=[2, 3], is_newest_first=False)
def test_a_list_in_order_is_gone_on_with_as_if_it_were_read_at_once(
    rows: Rows, cuts: list[int], *, is_newest_first: bool
) -> None:
    rows = rows[::-1] if is_newest_first else rows
    whole, _ = keys(rows)
    got: list[str] = []
    cursor: Any = None
    for first, last in pairwise((0, *cuts, len(rows))):
        part, cursor = keys(rows[first:last], cursor)
        got += part
        cursor = (
            json.loads(json.dumps(cursor)) or None
        )  # empty is that of a cursor alone, see below
    assert got == whole
    assert len(set(whole)) == len(whole)


def test_a_place_of_nothing_but_records_with_ids_has_no_twins() -> None:
    assert DuplicateList(None).cursor() == {}
    assert DuplicateList({"cursor": "a"}).cursor() == {}
    assert DuplicateList({"cursor": "a"}).keys([], []) == []


def test_a_list_in_no_order_has_no_place() -> None:
    _, cursor = keys([(1, 0), (3, 0), (2, 0)])
    assert cursor is None


def test_a_place_that_would_be_too_large_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MAX_TWINS", 2)
    monkeypatch.setattr(lists, "MAX_COUNT", 2)
    assert keys([(1, 0), (1, 1)])[1] is not None
    assert keys([(1, 0), (1, 1), (1, 2)])[1] is None
    assert keys([(1, number) for number in range(9)])[1] is None
    assert keys([(1, 0)] * 3)[1] is None
    assert keys([(1, 0), (1, 1), (1, 2), (2, 0)])[1] is not None


@pytest.mark.parametrize(
    ("rows", "cursor"),
    [
        ([(1, 0)], {"cursor": "a"}),  # as this tap once wrote it
        ([(1, 0)], {"twins": {"time": 5, "order": 1, "seen": {A: 1}}}),
        ([(9, 0), (8, 0)], {"twins": {"time": 5, "order": 0, "seen": {A: 1}}}),
    ],
)
def test_what_was_not_counted_restarts_the_window(rows: Rows, cursor: Any) -> None:
    with pytest.raises(RestartWindowError):
        keys(rows, cursor)


@pytest.mark.parametrize(
    "counted",
    [
        None,
        [],
        {},
        {"time": 5, "order": 1, "seen": []},
        {"time": "x", "order": 1, "seen": {A: 1}},
        {"time": 5, "order": 7, "seen": {A: 1}},
        {"time": 5, "order": 1, "seen": {A: 10**15}},
        {"time": 5, "order": 1, "seen": {A: 0}},
        {"time": 5, "order": 1, "seen": {"no key": 1}},
    ],
)
def test_a_place_that_cannot_be_understood_restarts_the_window(counted: Any) -> None:
    with pytest.raises(RestartWindowError, match="can't be understood"):
        DuplicateList({"cursor": "a", "twins": counted})
