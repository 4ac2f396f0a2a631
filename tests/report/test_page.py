from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tap_eventexport.console.summary import HEADINGS
from tap_eventexport.report.audits import Audited
from tap_eventexport.report.charts import MISSING
from tap_eventexport.report.events import Counted, Lag
from tap_eventexport.report.page import MOST_RUNS, SHOWN, Report, duration, render
from tap_eventexport.report.runs import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = "<script>alert('1')</script>"
DAYS = {date(2026, 3, 1): 1_234, date(2026, 3, 2): 5, date(2026, 3, 5): 7}


def row(**cells: str) -> dict[str, str]:
    return {**dict.fromkeys(HEADINGS, "-"), "outcome": "complete", **cells}


def page(counted: Sequence[Counted] = (), runs: Sequence[Run] = (), sources: str = "a file") -> str:
    """The page without Plotly itself."""
    made = datetime(2026, 3, 6, 12, 30, tzinfo=UTC)
    whole = render(Report(made, sources, counted, runs))
    assert whole.count("* Copyright 2012-") == 1
    return re.sub(r"<script>/\*\*.*?</script>\n</head>", "</head>", whole, flags=re.DOTALL)


def rows(html: str) -> list[list[str]]:
    """The texts of all tables' rows."""
    found = re.findall(r"<tr.*?>(.*?)</tr>", html, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", text, re.DOTALL) for text in found]
    return [[re.sub("<.*?>", "", cell) for cell in texts] for texts in cells]


def test_streams_are_summed_up() -> None:
    runs = [Run("", [row(stream="croct_events", bookmark="2026-03-06T00:00:00Z")])]
    html = page([Counted("croct_events", DAYS)], runs)
    assert rows(html)[1] == [
        *("croct_events", "1,246", "2026-03-01", "2026-03-05", "3", "× 2"),  # noqa: RUF001
        *("2026-03-06T00:00:00Z", "complete"),
    ]
    assert "2026-03-01 to 2026-03-05, days in UTC. Made 2026-03-06 12:30 UTC." in html


def test_the_calendar_is_a_table_too() -> None:
    assert rows(page([Counted("croct_events", DAYS)]))[3:] == [
        ["2026-03-01", "1,234"],
        ["2026-03-02", "5"],
        ["2026-03-03 to 2026-03-04", "× none"],  # noqa: RUF001
        ["2026-03-05", "7"],
    ]


def test_a_stream_without_events_says_so() -> None:
    html = page([Counted("croct_events", {})])
    assert "No events." in html
    assert rows(html)[1][:6] == ["croct_events", "0", "-", "-", "0", "0"]


def test_a_stream_that_only_logs_know_has_its_run() -> None:
    html = page(runs=[Run("2026-03-06 12:00:00", [row(stream="ncp_apigateway_events")])])
    assert rows(html)[1][0] == "ncp_apigateway_events"
    assert '<h2 id="runs">' in html


def test_a_failed_stream_is_marked_with_a_sign_and_a_word() -> None:
    html = page(runs=[Run("", [row(stream="croct_events", outcome="failed")])])
    assert [cells[1] for cells in rows(html) if cells[0] == "croct_events"][1:] == [
        "× failed"  # noqa: RUF001
    ]
    assert "in 1 of them a stream failed" in html


def test_only_the_last_runs_are_shown() -> None:
    runs = [Run(f"run {number}", [row(stream="croct_events")]) for number in range(MOST_RUNS + 1)]
    html = page(runs=runs)
    assert "run 0<" not in html
    assert html.index(f"run {MOST_RUNS}<") < html.index("run 1<")
    assert f"The table has the last {MOST_RUNS}." in html


def test_the_lag_of_arrival_or_why_it_is_not_known() -> None:
    lag = Lag(date(2026, 3, 1), 2.0, 90.0, 200_000.0)
    html = page([Counted("dfinery_events", DAYS, {"within 1 minute": 9}, [lag])])
    assert rows(html)[-1] == ["2026-03-01", "2.0 s", "1.5 min", "2.3 days"]
    assert "Not known" not in html
    assert "Not known" in page([Counted("croct_events", DAYS)])


def test_days_that_the_calendar_leaves_out_are_in_the_table() -> None:
    html = page([Counted("croct_events", {date(1970, 1, 1): 1, **DAYS})])
    assert "are only in the table" in html
    assert ["1970-01-02 to 2026-02-28", "× none"] in rows(html)  # noqa: RUF001


def test_the_last_audit_has_the_days_that_differ_and_sums() -> None:
    days = [
        Audited("croct_events", "2026-03-01", 1200, 1200, 0, 0, 0, 0),
        Audited("croct_events", "2026-03-02", 10, 9, 2, 1, 0, 0),
        Audited("dfinery_events", "2026-03-01", 5, 5, 0, 0, 0, 0),
    ]
    html = render(Report(datetime(2026, 3, 6, tzinfo=UTC), "a file", (), (), days))
    told = [" ".join(cells) for cells in rows(html.partition(">The last audit<")[2])[1:]]
    assert told == [
        f"croct_events 2026-03-02 10 9 2 1 0 0 {MISSING} differs",
        f"croct_events 2026-03-01 to 2026-03-02 1,210 1,209 2 1 0 0 {MISSING} differs",
        "dfinery_events 2026-03-01 to 2026-03-01 5 5 0 0 0 0 complete",
    ]


def test_hostile_text_is_only_text() -> None:
    hostile = row(**dict.fromkeys(HEADINGS, HOSTILE))
    html = page([Counted("croct_events", DAYS)], [Run(HOSTILE, [hostile])], HOSTILE)
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;") > len(SHOWN)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.0 s"), (59.9, "59.9 s"), (60, "1.0 min"), (-7_200, "-2.0 h"), (86_400, "1.0 days")],
)
def test_durations_have_the_unit_that_suits_them(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
