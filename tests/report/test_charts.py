from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tap_eventexport.report.charts import MISSING, MOST_PARTS, MOST_WEEKS, arrivals, calendar
from tap_eventexport.report.events import Counted

SUNDAY = date(2026, 3, 1)


def every_day(number: int, begin: date = SUNDAY) -> dict[date, int]:
    return {begin + timedelta(day): day + 1 for day in range(number)}


def drawn(counted: Counted) -> list[dict[str, Any]]:
    return [part.to_plotly_json() for part in calendar(counted)]


def test_a_column_is_a_week_and_a_row_is_a_day_of_the_week() -> None:
    (part,) = drawn(Counted("croct_events", every_day(9)))
    heat, missing = part["data"]
    assert heat["z"] == [
        [None, 2, 9],
        [None, 3, None],
        [None, 4, None],
        [None, 5, None],
        [None, 6, None],
        [None, 7, None],
        [1, 8, None],
    ]
    assert heat["customdata"][6][0] == "Sun 2026-03-01: 1 events"
    assert list(missing["x"]) == []
    assert part["layout"]["xaxis"]["ticktext"] == ["23<br>Feb<br>2026", "2<br>Mar", "9<br>"]


def test_a_missing_day_has_a_sign() -> None:
    days = every_day(9)
    del days[date(2026, 3, 3)], days[date(2026, 3, 4)]
    (part,) = drawn(Counted("croct_events", days))
    missing = part["data"][1]
    assert list(zip(missing["x"], missing["y"], missing["text"], strict=True)) == [
        (1, "Tue", MISSING),
        (1, "Wed", MISSING),
    ]
    assert missing["customdata"][0] == "Tue 2026-03-03: no events"


def test_numbers_stand_in_the_cells_where_there_is_room() -> None:
    (few,) = drawn(Counted("croct_events", every_day(70)))
    (many,) = drawn(Counted("croct_events", every_day(300)))
    assert "texttemplate" in few["data"][0]
    assert "texttemplate" not in many["data"][0]
    assert [text[:3] for text in many["layout"]["xaxis"]["ticktext"]][:3] == ["Feb", "Mar", "Apr"]


def test_more_than_a_year_has_several_parts_with_the_same_colours() -> None:
    days = every_day(700)
    first, second = drawn(Counted("croct_events", days))
    assert len(first["data"][0]["z"][0]) == MOST_WEEKS
    assert first["data"][0]["zmax"] == second["data"][0]["zmax"] == 700
    cells = [cell for part in (first, second) for row in part["data"][0]["z"] for cell in row]
    assert sorted(cell for cell in cells if cell) == sorted(days.values())


def test_one_event_of_a_wrong_clock_does_not_make_a_calendar_of_centuries() -> None:
    days = {date(1970, 1, 1): 1, **every_day(3)}
    parts = drawn(Counted("croct_events", days))
    assert len(parts) == MOST_PARTS
    assert parts[-1]["data"][0]["z"][0][-1] == 2
    assert sum(len(part["data"][1]["x"]) for part in parts) < 7 * MOST_WEEKS * MOST_PARTS


def test_arrivals_have_their_number_beside_them() -> None:
    late = {"within 1 minute": 3, "later": 1}
    figure = arrivals(Counted("dfinery_events", every_day(1), late)).to_plotly_json()
    (bars,) = figure["data"]
    assert bars["text"] == ["3 (75.0%)", "0 (0.0%)", "0 (0.0%)", "1 (25.0%)"]


def test_events_that_arrived_before_they_happened_are_shown_where_there_are_some() -> None:
    figure = arrivals(Counted("dfinery_events", every_day(1), {"before it happened": 2}))
    assert figure.to_plotly_json()["data"][0]["y"][-1] == "before it happened"
