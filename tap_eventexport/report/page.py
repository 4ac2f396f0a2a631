"""Makes a report as one HTML page without external files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from tap_eventexport.console.summary import TEXTS
from tap_eventexport.report.audits import COUNTS, summed
from tap_eventexport.report.charts import MISSING, arrivals, calendar, shown_weeks
from tap_eventexport.report.runs import latest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from jinja2 import Template
    from plotly.graph_objects import Figure

    from tap_eventexport.report.audits import Audited
    from tap_eventexport.report.events import Counted
    from tap_eventexport.report.runs import Run

MOST_RUNS, MOST_GAPS = 30, 5
SHOWN = (  # of a run's table
    *("stream", "outcome", "from", "to", "windows", "requests", "records", "unchanged"),
    *("retries", "waited", "took", "bookmark"),
)
UNITS = (("days", 86_400), ("h", 3_600), ("min", 60))


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a page."""

    made: datetime
    sources: str  # what it was made of
    counted: Sequence[Counted]
    runs: Sequence[Run]
    audited: Sequence[Audited] = ()  # the days of the last audit


def render(report: Report) -> str:
    """Render the page. Text from data, logs and file names is escaped."""
    counted = {stream.stream: stream for stream in report.counted}
    filled = {name: stream for name, stream in counted.items() if stream.days}
    days = [day for stream in filled.values() for day in stream.days]
    return _template().render(
        made=report.made,
        sources=report.sources,
        period=f"{min(days)} to {max(days)}" if days else "",
        streams=list(dict.fromkeys([*counted, *latest(report.runs)])),
        counted=counted,
        latest=latest(report.runs),
        calendars={
            name: [
                _drawn(part, f"calendar-{name}-{number}")
                for number, part in enumerate(calendar(stream))
            ]
            for name, stream in filled.items()
        },
        cut={name: _cut(stream) for name, stream in filled.items()},
        rows={name: _rows(stream) for name, stream in filled.items()},
        arrivals={
            name: _drawn(arrivals(stream), f"arrivals-{name}")
            for name, stream in filled.items()
            if stream.arrivals
        },
        audited=summed(report.audited),
        counts=COUNTS,
        runs=report.runs,
        failures=sum(bool(run.failed) for run in report.runs),
        headings=SHOWN,
        numbers=set(SHOWN) - TEXTS,
        plotly=get_plotlyjs(),
        sign=MISSING,
        most_runs=MOST_RUNS,
        most_gaps=MOST_GAPS,
    )


def duration(seconds: float) -> str:
    """Format seconds in a suitable unit."""
    for unit, size in UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tap_eventexport", "report"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.filters["duration"] = duration
    return environment.get_template("page.html")


def _drawn(figure: Figure, name: str) -> str:
    drawn: str = to_html(
        figure,
        full_html=False,
        include_plotlyjs=False,  # it stands in the page's head, once
        div_id=name,
        config={"displayModeBar": False},
    )
    return drawn


def _cut(stream: Counted) -> date | None:
    """Return the first day of the calendar, if there are events before it."""
    (first, *_) = shown_weeks(stream)
    return first if first > min(stream.days) else None


def _rows(stream: Counted) -> list[tuple[date, date, int]]:
    """Return days and gaps in order: the first day, the last day, and the number of events."""
    days = [(day, day, number) for day, number in stream.days.items()]
    return sorted([*days, *((gap.first, gap.last, 0) for gap in stream.gaps)])
