from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_eventexport.console.summary import HEADINGS
from tap_eventexport.report.runs import MOST_ROWS, ROW, latest, runs

if TYPE_CHECKING:
    from tests.singer import Tap

HEADING = (
    "stream          from                  to                    windows  requests  records  "
    "MiB  retries  waited   took  bookmark              outcome"
)
CROCT = (
    "croct_events    2026-03-01T00:00:00Z  2026-03-04T00:00:00Z      3/3        15    1,720  "
    "0.3        0     0 s  0.1 s  2026-03-04T00:00:00Z  complete"
)
DFINERY = (
    "dfinery_events  2026-03-01T00:00:00Z  2026-03-04T00:00:00Z      1/4         9        0  "
    "0.0        3  61.0 s  0.1 s  -                     failed"
)
SDK = "2026-03-04 09:00:01,812 | INFO     | tap-eventexport                | "
MELTANO = "2026-03-04T09:00:01.057976Z [info     ] tap-eventexport "


@pytest.mark.parametrize(
    ("before", "after", "logged"),
    [
        ("", "", ""),
        (SDK, "", "2026-03-04 09:00:01"),
        (MELTANO, " cmd_type=elb stdio=stderr", "2026-03-04 09:00:01"),
        ('{"level": "info", "event": "', '", "stdio": "stderr"}', ""),
        ("\x1b[2m2026-03-04T09:00:01Z\x1b[0m \x1b[1m", "\x1b[0m", "2026-03-04 09:00:01"),
    ],
)
def test_a_run_is_found_in_any_log(before: str, after: str, logged: str) -> None:
    (run,) = runs(f"{before}{line}{after}\n" for line in (HEADING, CROCT, DFINERY))
    assert run.logged == logged
    croct, dfinery = run.rows
    assert croct == {
        "stream": "croct_events",
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-03-04T00:00:00Z",
        "windows": "3/3",
        "requests": "15",
        "records": "1,720",
        "unchanged": "-",
        "MiB": "0.3",
        "retries": "0",
        "waited": "0 s",
        "took": "0.1 s",
        "bookmark": "2026-03-04T00:00:00Z",
        "outcome": "complete",
    }
    assert (dfinery["bookmark"], dfinery["outcome"]) == ("-", "failed")
    assert run.failed == ["dfinery_events"]


def test_the_tables_of_this_version_count_what_is_unchanged() -> None:
    heading, row = HEADING.replace("MiB", "unchanged  MiB"), CROCT.replace("0.3", "  17  0.3")
    (run,) = runs([heading, row])
    assert (run.rows[0]["records"], run.rows[0]["unchanged"]) == ("1,720", "17")


def test_two_runs_in_a_log_are_two_and_the_last_one_counts() -> None:
    again = CROCT.replace("1,720", "    2")
    first, second = runs([HEADING, CROCT, DFINERY, "another line", HEADING, again])
    assert [row["records"] for row in first.rows] == ["1,720", "0"]
    assert [row["records"] for row in second.rows] == ["2"]
    assert latest([first, second]) == {
        "croct_events": second.rows[0],
        "dfinery_events": first.rows[1],
    }


def test_a_run_that_a_signal_stopped_is_a_run() -> None:
    (run,) = runs([HEADING, CROCT, DFINERY.replace("failed", "stopped")])
    assert [row["outcome"] for row in run.rows] == ["complete", "stopped"]
    assert run.failed == []


def test_lines_of_others_between_the_rows_are_passed_over() -> None:
    (run,) = runs([HEADING, CROCT, "target-jsonl  wrote  720  records", "", DFINERY])
    assert len(run.rows) == 2


@pytest.mark.parametrize(
    "line",
    [
        CROCT[:-5],
        CROCT.replace("3/3", "three"),
        CROCT.replace("2026-03-04T00:00:00Z", "<script>"),
        CROCT.replace("  ", " "),
    ],
)
def test_a_broken_row_is_no_row(line: str) -> None:
    assert list(runs([HEADING, line])) == []


def test_a_log_of_endless_rows_makes_a_run_of_some() -> None:
    (run,) = runs([HEADING, *[CROCT] * 1_000])
    assert len(run.rows) == MOST_ROWS


@pytest.mark.parametrize("old", ["croct_events", "1,720"])
def test_a_cell_of_endless_letters_is_no_row(old: str) -> None:
    assert list(runs([HEADING, CROCT.replace(old, "1" * 1_000)])) == []


def test_rows_without_a_heading_are_no_run() -> None:
    assert list(runs([CROCT, DFINERY])) == []
    assert list(runs([])) == []


def test_a_hostile_line_takes_no_time() -> None:
    lines = [HEADING, "a  " * 20_000, "a" * 60_000, " " * 60_000, "1,2  " * 10_000]
    assert list(runs(lines)) == []


def test_what_the_tap_logs_is_found(tap: Tap) -> None:
    (run,) = runs(tap.run().log.splitlines())
    (row,) = run.rows
    assert tuple(row) == HEADINGS == tuple(ROW.groupindex)
    assert (row["stream"], row["records"], row["outcome"]) == ("croct_events", "720", "complete")
    assert run.logged
