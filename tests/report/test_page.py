from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tap_eventexport.console.summary import HEADINGS
from tap_eventexport.report import charts
from tap_eventexport.report.audits import MOST_DAYS, Audited
from tap_eventexport.report.charts import LEVELS, MISSING, WEEKDAYS
from tap_eventexport.report.columns import STREAMS
from tap_eventexport.report.events import Counted, Lag
from tap_eventexport.report.page import MOST_RUNS, SHOWN, Report, duration, render
from tap_eventexport.report.runs import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = "<script>alert('1')</script>"
MADE = datetime(2026, 3, 6, 12, 30, tzinfo=ZoneInfo("Asia/Seoul"))
DAYS = {date(2026, 3, 1): 1_234, date(2026, 3, 2): 5, date(2026, 3, 5): 7}


def row(**cells: str) -> dict[str, str]:
    return {**dict.fromkeys(HEADINGS, "-"), "outcome": "complete", **cells}


def page(
    counted: Sequence[Counted] = (),
    runs: Sequence[Run] = (),
    sources: str = "a file",
    made: datetime = MADE,
) -> str:
    return render(Report(made, "Asia/Seoul", sources, counted, runs))


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
    assert "2026-03-01 to 2026-03-05. Days are in the time zone Asia/Seoul." in html
    assert "Made 2026-03-06 12:30, so 2026-03-06 is not over." in html


def test_bars_are_a_table_too() -> None:
    html = page([Counted("croct_events", DAYS)])
    assert html.count('data-told="') == 5
    assert rows(html)[2:] == [
        ["day", "events"],
        ["2026-03-01", "1,234"],
        ["2026-03-02", "5"],
        ["2026-03-03 to 2026-03-04", "× none"],  # noqa: RUF001
        ["2026-03-05", "7"],
    ]


def test_a_calendar_is_a_table_of_weeks_too() -> None:
    html = page([Counted("croct_events", {date(2025, 12, 31): 1_234, **DAYS})])
    assert rows(html)[2] == ["Monday's date", *WEEKDAYS]
    assert rows(html)[3] == ["2025-12-29", "", "", "1,234", "×", "×", "×", "×"]  # noqa: RUF001
    assert rows(html)[-1] == ["2026-03-02", "5", "×", "×", "7", "", "", ""]  # noqa: RUF001


def test_there_is_one_legend() -> None:
    html = page([Counted("croct_events", DAYS), Counted("dfinery_events", {date(2025, 1, 1): 1})])
    assert html.count('class="legend"') == 1
    assert 'class="legend"' not in page(runs=[Run("", [row(stream="croct_events")])])


def test_today_is_not_over() -> None:
    html = page([Counted("croct_events", {**DAYS, MADE.date(): 9})])
    assert "Fri 2026-03-06: 9 so far" in html
    assert 'class="l1 today"' in html
    assert "so far" not in page([Counted("croct_events", DAYS)])


def test_what_is_dated_after_today_is_told_and_not_drawn() -> None:
    later = {date(2026, 3, 7): 1, date(9999, 1, 1): 2}
    html = page([Counted("croct_events", {**DAYS, **later})])
    assert "3 events dated after today</strong>, 2026-03-07 to 9999-01-01." in html
    assert "1,246 events on 3 days, 2026-03-01 to 2026-03-05." in html
    assert html.count('data-told="') == 5
    only = page([Counted("croct_events", later)])
    assert "No events until today." in only
    assert rows(only)[1][:6] == ["croct_events", "3", "-", "-", "-", "-"]


def test_a_stream_without_events_says_so() -> None:
    html = page([Counted("croct_events", {})])
    assert "No events until today." in html
    assert rows(html)[1][:6] == ["croct_events", "0", "-", "-", "-", "-"]


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


def test_the_lag_of_arrival_is_there_only_where_it_is_known() -> None:
    lag = Lag(date(2026, 3, 1), 2.0, 90.0, 200_000.0)
    html = page([Counted("dfinery_events", DAYS, {"within 1 minute": 1_246}, [lag])])
    assert rows(html)[-1] == ["2026-03-01", "2.0 s", "1.5 min", "2.3 days"]
    assert "events that have both" not in html
    some = page([Counted("dfinery_events", DAYS, {"within 1 minute": 9}, [lag])])
    assert "of the 9 events that have both" in some
    assert "lag" not in page([Counted("croct_events", DAYS)]).partition("</style>")[2].lower()


def test_days_that_the_calendar_leaves_out_are_summed_up() -> None:
    html = page([Counted("croct_events", {date(1970, 1, 1): 1, date(1970, 1, 3): 1, **DAYS})])
    assert "Before them, 1970-01-01 to 1970-01-03: 2 events." in html


def test_the_last_audit_has_the_days_that_differ_and_sums() -> None:
    days = [
        Audited("croct_events", "2026-03-01", 1200, 1200, 0, 0, 0, 0),
        Audited("croct_events", "2026-03-02", 10, 9, 2, 1, 0, 0),
        Audited("dfinery_events", "2026-03-01", 5, 5, 0, 0, 0, 0),
    ]
    html = render(Report(MADE, "UTC", "a file", (), (), days))
    told = [" ".join(cells) for cells in rows(html.partition(">The last audit<")[2])[1:]]
    assert told == [
        f"croct_events 2026-03-02 10 9 2 1 0 0 {MISSING} differs",
        f"croct_events 2026-03-01 to 2026-03-02 1,210 1,209 2 1 0 0 {MISSING} differs",
        "dfinery_events 2026-03-01 to 2026-03-01 5 5 0 0 0 0 complete",
    ]


def test_an_audit_of_many_days_that_differ_shows_some_of_each_stream() -> None:
    days = [Audited("croct_events", f"day {day:04}", 2, 1, 1, 0, 0, 0) for day in range(5_000)]
    html = render(Report(MADE, "UTC", "a file", (), (), days))
    told = rows(html.partition(">The last audit<")[2])[1:]
    assert len(told) == MOST_DAYS + 1
    assert told[-1][1:4] == ["day 0000 to day 4999", "10,000", "5,000"]


def test_a_page_of_all_streams_and_ten_years_is_below_a_megabyte() -> None:
    days = {MADE.date() - timedelta(back): 1_000_000 - back for back in reversed(range(3_650))}
    lags = [Lag(day, 100.0, 100.0, 1_000_000.0) for day in days]
    counted = [
        Counted(
            each.stream, days, {"later": 1} if each.happened else {}, lags if each.happened else []
        )
        for each in STREAMS
    ]
    runs = [Run("2026-03-06 12:00:00", [row(stream=each.stream) for each in STREAMS])] * 100
    html = page(counted, runs)
    assert len(html.encode()) < 1_000_000
    for each in STREAMS:
        assert html.count(f'<h2 id="{each.stream}">') == 1


def test_a_log_of_endless_streams_shows_some() -> None:
    names = [f"stream{number}" for number in range(1_000)]
    html = page(runs=[Run("", [row(stream=name)]) for name in names])
    assert [cells[0] for cells in rows(html)].count("stream0") == 1
    assert len(rows(html)) < 150


def test_the_page_holds_no_scripts_and_allows_none() -> None:
    html = page([Counted("croct_events", DAYS)])
    assert "<script" not in html
    assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_levels_are_told_apart_by_lightness_alone() -> None:
    style = (Path(charts.__file__).parent / "page.css").read_text()
    fills = re.findall(r"^\.l\d \{ --fill: #(\w{6}); \}", style, re.MULTILINE)
    assert len(fills) == LEVELS
    lightness = [luminance(fill) for fill in ("ffffff", *fills)]
    assert all((before + 0.05) / (after + 0.05) > 1.3 for before, after in pairwise(lightness))
    text = {"4": "ffffff", "5": "ffffff"}
    for level, fill in enumerate(fills, 1):
        ink = luminance(text.get(str(level), "1a1a1a"))
        darker, lighter = sorted((ink, luminance(fill)))
        assert (lighter + 0.05) / (darker + 0.05) > 4.5, level


def luminance(colour: str) -> float:
    """The relative luminance of WCAG, which is what a grey picture keeps."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


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
