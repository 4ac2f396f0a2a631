"""Rows that share an id and differ: told once, or numbered in the same way each time."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_eventexport.engine.duplicates import doubles
from tap_eventexport.engine.duplicates.variants import Counts
from tap_eventexport.vendors.dfinery.ids import DayIds
from tests.vendors.conftest import ARRIVAL, ID, TIME, table

if TYPE_CHECKING:
    from tests.vendors.conftest import Days

STREAM = "dfinery_events"
MAPPED: dict[str, Any] = {"stream_maps": {STREAM: {"more": "'more'"}}}
HEADER = [ID, ARRIVAL, "item", "note"]
ROWS = [
    ["a", TIME, "pear", ""],
    ["b", TIME, "pear", ""],
    ["a", TIME, "apple", "x"],
    ["a", TIME, "apple", ""],
    ["a", TIME, "apple", ""],  # alike in everything: one record, sent twice
    ["a:2", TIME, "fig", ""],  # what a number would make
    ["c", TIME, "kiwi", "1"],
    ["c", TIME, "kiwi", "1"],
    ["", TIME, "", ""],
]
NUMBERED = {
    ("a", "apple", None): 2,
    ("a:1", "apple", "x"): 1,
    ("a:3", "pear", None): 1,
    ("b", "pear", None): 1,
    ("a:2", "fig", None): 1,
    ("c", "kiwi", "1"): 2,
}
FOUND = "3 different rows of a day share 1 values of df_event_detail_log_id"


def told(record: dict[str, Any]) -> tuple[str, str | None, str | None]:
    return record[ID], record["item"], record["note"]


def shuffled(header: list[str], rows: list[list[str]], seed: int) -> bytes:
    """The same rows and columns in another order."""
    chance = random.Random(seed)
    order = chance.sample(range(len(header)), len(header))
    mixed = chance.sample(rows, len(rows))
    return table(
        [header[place] for place in order], *[[row[place] for place in order] for row in mixed]
    )


@pytest.mark.parametrize("path", [{}, MAPPED], ids=["as they are", "one by one"])
def test_rows_that_share_an_id_are_told_once_and_sent_as_they_are(
    days: Days, path: dict[str, Any]
) -> None:
    done = days.run(table(HEADER, *ROWS[:-1]), table(HEADER, *ROWS[:-1]), **path)
    assert done.code == 0, done.log
    sent = Counter(record[ID] for record in done.heard.records[STREAM])
    assert sent == {"a": 8, "b": 2, "a:2": 2, "c": 4}
    line = done.log_line("different rows of a day")
    assert "6 different rows of a day share 2 values" in line
    assert "loses 4 of them; dfinery_repeated_ids=number keeps them" in line
    assert "WARNING" in line


@pytest.mark.parametrize("path", [{}, MAPPED], ids=["as they are", "one by one"])
def test_numbers_are_the_same_whatever_order_rows_come_in(days: Days, path: dict[str, Any]) -> None:
    bodies = [shuffled(HEADER, ROWS[:-1], seed) for seed in range(3)]
    done = days.run(*bodies, dfinery_repeated_ids="number", **path)
    assert done.code == 0, done.log
    sent = Counter(map(told, done.heard.records[STREAM]))
    assert sent == {content: 3 * count for content, count in NUMBERED.items()}
    assert "9 different rows of a day share 3 values" in done.log_line("6 of them got a number")


def test_an_empty_id_gets_no_number(days: Days) -> None:
    done = days.run(table(HEADER, *ROWS, ["", TIME, "x", ""]), dfinery_repeated_ids="number")
    assert done.code == 1
    assert f"column {ID}, row 9: it is empty" in done.log_line(f"{STREAM} failed")


def test_items_of_events_other_than_purchases(days: Days) -> None:
    days.dfinery.shared_id_event = "df_add_to_cart"
    plain = days.run()
    assert "loses" in plain.log_line("different rows of a day")
    ids = Counter(record[ID] for record in plain.heard.records[STREAM])
    assert max(ids.values()) == 3
    numbered = days.run(dfinery_repeated_ids="number").heard.records[STREAM]
    assert len({record[ID] for record in numbered}) == len(numbered) == ids.total()
    assert {record[ID] for record in numbered} >= ids.keys()
    again = days.run(dfinery_repeated_ids="number").heard.records[STREAM]
    assert again == numbered


@pytest.mark.parametrize("style", ["arrival", "uuid"])
def test_ids_that_servers_sent_tell_no_time_and_have_no_twins(days: Days, style: Any) -> None:
    days.dfinery.log_ids = style
    done = days.run(dfinery_timezone="UTC")
    assert ("is dfinery_timezone=UTC the service's?" in done.log) == (style == "arrival")
    assert "and differ" not in done.log


fields = st.text(st.sampled_from("ab\0:1 "), max_size=2)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a:1", "c"]), fields, fields), max_size=12),
    st.randoms(use_true_random=False),
)
def test_numbering_is_a_function_of_the_rows(
    made: list[tuple[str, str, str]], chance: random.Random
) -> None:
    def numbered(rows: list[tuple[str, str, str]]) -> tuple[list[list[str]], Counts]:
        def read() -> list[list[list[str]]]:
            return [[list(row)] for row in rows]

        ids = DayIds([ID, "x", "y"], read, lambda: None)
        return [row for block in ids.numbered() for row in block], ids.found

    contents = {(key, *rest) for key, *rest in made}
    expected = Counter(key for key, *_ in contents)
    rows, found = numbered(made)
    assert [row[1:] for row in rows] == [list(row[1:]) for row in made]
    given_ids = {(old[0], *new[1:]): new[0] for old, new in zip(made, rows, strict=True)}
    assert len(set(given_ids.values())) == len(contents)
    assert all(new == old[0] or new.startswith(f"{old[0]}:") for old, new in given_ids.items())
    shared = [count for count in expected.values() if count > 1]
    assert found == Counts(len(shared), sum(shared))
    mixed = chance.sample(made, len(made))
    again, _ = numbered(mixed)
    assert {(old[0], *new[1:]): new[0] for old, new in zip(mixed, again, strict=True)} == given_ids


def test_a_large_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubles, "RUN", 1000)
    made = [[f"id {number % 9_900}", TIME, f"item {number}"] for number in range(10_000)]

    def read() -> list[list[list[str]]]:
        return [
            [row.copy() for row in made[start : start + 100]] for start in range(0, 10_000, 100)
        ]

    ids = DayIds([ID, ARRIVAL, "item"], read, lambda: None)
    assert sum(map(len, ids.counted())) == 10_000
    assert ids.found == Counts(100, 200)
    ids = DayIds([ID, ARRIVAL, "item"], read, lambda: None)
    numbered = {row[0] for block in ids.numbered() for row in block}
    assert len(numbered) == 10_000
    assert sum(key.endswith(":1") for key in numbered) == 100
