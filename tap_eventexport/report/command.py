"""The command `tap-eventexport-report`: makes an HTML page from files of events and logs."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tap_eventexport.console.standard_streams import standard_streams, teller
from tap_eventexport.engine.windows import time_zone
from tap_eventexport.report.columns import STREAMS
from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.runs import runs
from tap_eventexport.report.zone import checked_zone, machine_zone

if TYPE_CHECKING:
    from tap_eventexport.report.sources import Sources

NAME = "tap-eventexport-report"
ABOUT = """\
Makes one HTML page of the files that a loader wrote and of the tap's logs:
events per day, gaps, lag of arrival, runs and their outcome. The page loads
nothing from elsewhere.
"""
EXAMPLES = """\
examples:
  tap-eventexport-report output
  tap-eventexport-report output ~/.local/state/meltano/log --output report.html
"""


@standard_streams(teller(NAME))
def main() -> None:
    """Write the page, and print its path."""
    parser = argparse.ArgumentParser(
        prog=NAME,
        usage="%(prog)s [option ...] PATH [PATH ...]",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a folder, searched with its subfolders, or a file: <stream>.jsonl, *.duckdb and "
        "<stream>/*.parquet have events; *.log is searched for the tables that runs log at their "
        "end; audit*.json is what tap-eventexport-audit --format json printed",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="the page (default: %(default)s)",
    )
    parser.add_argument(
        "--timezone",
        metavar="NAME",
        help="the time zone of the days, such as Asia/Seoul (default: this machine's)",
    )
    options = parser.parse_args()
    try:
        zone = _zone(options.timezone)
        options.output.write_text(_page(options.paths, zone), encoding="utf-8")
    except (ReportError, OSError) as error:
        sys.exit(f"{NAME}: {error}")
    print(options.output)  # noqa: T201


def _zone(asked: str | None) -> str:
    if asked is not None:
        return checked_zone(asked)
    zone = machine_zone()
    if zone is None:
        print(  # noqa: T201
            "This machine's time zone has no name, so days are in UTC; --timezone chooses another.",
            file=sys.stderr,
        )
    return zone or "UTC"


def _page(paths: list[Path], zone: str) -> str:
    try:
        from tap_eventexport.report.audits import read_audit  # noqa: PLC0415
        from tap_eventexport.report.events import count  # noqa: PLC0415
        from tap_eventexport.report.page import Report, render  # noqa: PLC0415
        from tap_eventexport.report.sources import find, lines  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ReportError(f"{error}: pip install 'tap-eventexport[report]'") from None
    sources = find(paths, [columns.stream for columns in STREAMS])
    found = [run for log in sources.logs for run in runs(lines(log))]
    if not (sources.events or sources.audits or found):
        raise ReportError(
            "no events and no runs were found; give the folder that the loader writes to, "
            "such as output/, or a log of the tap that holds a run to its end"
        )
    summary = _summary(sources, len(found))
    print(f"Found {summary}", file=sys.stderr)  # noqa: T201
    counted = [
        count(columns, sources.events[columns.stream], zone)
        for columns in STREAMS
        if columns.stream in sources.events
    ]
    audited = [day for file in sources.audits[-1:] for day in read_audit(file)]
    return render(Report(datetime.now(time_zone(zone)), zone, summary, counted, found, audited))


def _summary(sources: Sources, found: int) -> str:
    """Describe the found files in a line."""
    events = (f"{name} ({_number(len(files), 'file')})" for name, files in sources.events.items())
    return ", ".join([*events, f"{_number(found, 'run')} in {_number(len(sources.logs), 'log')}"])


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"
