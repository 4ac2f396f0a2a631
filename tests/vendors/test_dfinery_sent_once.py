"""A day that is read again: only rows of spans that have changed are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.vendors.conftest import ARRIVAL, ID, table

if TYPE_CHECKING:
    from tests.vendors.conftest import Days

STREAM = "dfinery_events"
HEADER = [ID, ARRIVAL, "item"]
DAY = "2026-03-19"
ROWS = [
    *([f"early-{number}", f"{DAY} 01:00:{number:02}", "pear"] for number in range(30)),
    *([f"noon-{number}", f"{DAY} 12:00:{number:02}", "pear"] for number in range(30)),
    *([f"night-{number}", f"{DAY} 23:59:{number:02}", "pear"] for number in range(30)),
]
LATE = ["late", "2026-03-18 23:59:59", "fig"]  # its arrival is on another day
MAPPED: dict[str, Any] = {"stream_maps": {STREAM: {"more": "'more'"}}}


class TwoRuns:
    """A day that is read twice."""

    def __init__(self, days: Days) -> None:
        self._days = days

    def second(self, first: list[list[str]], second: list[list[str]], **options: Any) -> set[str]:
        """The ids that the second run sends."""
        body = table(options.pop("first_header", HEADER), *first)
        before = self._days.run(body, **options)
        assert len(before.heard.records[STREAM]) == len(first)
        self.state = before.heard.states[-1]
        header = options.pop("header", HEADER)
        return {
            record[ID]
            for record in self._days.read(table(header, *second), state=self.state, **options)
        }


@pytest.fixture
def runs(days: Days) -> TwoRuns:
    return TwoRuns(days)


def ids(begin: str) -> set[str]:
    return {row[0] for row in ROWS if row[0].startswith(begin)}


@pytest.mark.parametrize("path", [{}, MAPPED], ids=["as they are", "one by one"])
@pytest.mark.parametrize("ids", ["warn", "number"])
def test_a_day_that_is_as_it_was_is_not_sent(runs: TwoRuns, path: dict[str, Any], ids: str) -> None:
    rows = [*ROWS, LATE, ["early-1", f"{DAY} 01:00:59", "another"]]
    assert runs.second(rows, rows[::-1], dfinery_repeated_ids=ids, **path) == set()


def test_a_row_that_changes_is_sent_with_its_span(runs: TwoRuns) -> None:
    changed = [["noon-7", row[1], "apple"] if row[0] == "noon-7" else row for row in ROWS]
    assert runs.second(ROWS, changed) == ids("noon")


def test_a_row_that_is_gone_sends_what_is_left_of_its_span(runs: TwoRuns) -> None:
    assert runs.second(ROWS, ROWS[1:]) == ids("early") - {"early-0"}


def test_rows_of_other_days_are_one_span(runs: TwoRuns) -> None:
    other = ["later", "2026-03-20 00:00:00", "fig"]
    assert runs.second([*ROWS, LATE], [*ROWS, LATE, other]) == {"late", "later"}


def test_a_row_that_gets_another_number_is_sent(runs: TwoRuns) -> None:
    """A third row of the id sorts before the two others, which are in other spans."""
    twins = [["noon-1", f"{DAY} 18:00:00", "quince"]]
    third = [["noon-1", f"{DAY} 03:00:00", "apple"]]
    sent = runs.second([*ROWS, *twins], [*ROWS, *twins, *third], dfinery_repeated_ids="number")
    assert sent == (ids("noon") - {"noon-1"}) | {"noon-1", "noon-1:1", "noon-1:2"}


def test_a_column_that_appears_or_moves_sends_all(days: Days, runs: TwoRuns) -> None:
    wider = [[*row, ""] for row in ROWS]
    assert len(runs.second(ROWS, wider, header=[*HEADER, "note"])) == len(ROWS)
    moved = table(HEADER[::-1], *[row[::-1] for row in ROWS])
    assert len(days.read(moved, state=runs.state)) == len(ROWS)


def test_another_type_sends_all(days: Days, runs: TwoRuns) -> None:
    numbers = [[*row[:2], "5"] for row in ROWS]
    assert runs.second(numbers, numbers) == set()
    types: dict[str, Any] = {"dfinery_property_types": {"item": "integer"}}
    sent = days.read(table(HEADER, *numbers), state=runs.state, **types)
    assert [record["item"] for record in sent] == [5] * len(ROWS)


def test_quotes_are_no_change(days: Days, runs: TwoRuns) -> None:
    assert runs.second(ROWS, ROWS) == set()
    quoted = table(HEADER, *ROWS).replace(b"pear", b'"pear"')
    assert days.read(quoted, state=runs.state) == []
    changed = quoted.replace(b'12:00:03,"pear"', b'12:00:03,"a, b"')
    assert {record[ID] for record in days.read(changed, state=runs.state)} == ids("noon")


def test_a_wrong_value_of_a_changed_span_is_named_by_its_row(days: Days, runs: TwoRuns) -> None:
    types: dict[str, Any] = {"dfinery_property_types": {"item": "integer"}}
    numbers = [[*row[:2], "5"] for row in ROWS]
    assert runs.second(numbers, numbers, **types) == set()
    numbers[47][2] = "five"
    done = days.run(table(HEADER, *numbers), state=runs.state, **types)
    assert done.code == 1
    assert "column item, row 48: a value that is not of type integer" in done.log


def test_what_is_left_is_counted(days: Days, runs: TwoRuns) -> None:
    runs.second(ROWS, ROWS)
    log = days.run(table(HEADER, *ROWS, LATE), state=runs.state).log
    assert "1 records in 1 pages, 90 unchanged and not sent" in log
