"""Makes a report as one HTML page without external files and without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from tap_eventexport.console.summary import TEXTS
from tap_eventexport.report.audits import COUNTS, MOST_DAYS, summed
from tap_eventexport.report.charts import LEVELS, MISSING, WEEKDAYS, bars, calendar, shares
from tap_eventexport.report.days import DAY, Days, Span
from tap_eventexport.report.runs import latest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jinja2 import Template
    from jinja2.runtime import LoopContext

    from tap_eventexport.report.audits import Audited
    from tap_eventexport.report.charts import Bars, Calendar
    from tap_eventexport.report.events import Counted, Lag
    from tap_eventexport.report.runs import Run

MOST_STREAMS, MOST_RUNS, MOST_GAPS = 50, 30, 5
SHOWN = (  # of a run's table
    *("stream", "outcome", "from", "to", "windows", "requests", "records", "unchanged"),
    *("retries", "waited", "took", "bookmark"),
)
UNITS = (("days", 86_400), ("h", 3_600), ("min", 60))


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a page."""

    made: datetime  # in the time zone of the days
    zone: str  # its IANA name
    sources: str  # what it was made of
    counted: Sequence[Counted]
    runs: Sequence[Run]
    audited: Sequence[Audited] = ()  # the days of the last audit


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of a stream."""

    counted: Counted
    days: Days
    bars: Bars | None = None
    calendar: Calendar | None = None
    rows: Sequence[Span] = ()  # days and gaps in order
    shares: Sequence[tuple[str, int, float]] = ()
    lags: Sequence[Lag] = ()

    @property
    def timed(self) -> int:
        """The number of events whose lag is known."""
        return sum(self.counted.arrivals.values())


def render(report: Report) -> str:
    """Render the page. Text from data, logs and file names is escaped."""
    sections = {each.stream: _section(each, report) for each in report.counted}
    days = [day for section in sections.values() for day in section.days.past]
    return _template().render(
        made=report.made,
        zone=report.zone,
        sources=report.sources,
        period=f"{min(days)} to {max(days)}" if days else "",
        streams=list(dict.fromkeys([*sections, *latest(report.runs)]))[:MOST_STREAMS],
        sections=sections,
        latest=latest(report.runs),
        levels=LEVELS,
        weekdays=WEEKDAYS,
        one_day=DAY,
        audited=summed(report.audited),
        counts=COUNTS,
        runs=report.runs,
        failures=sum(bool(run.failed) for run in report.runs),
        headings=SHOWN,
        numbers=set(SHOWN) - TEXTS,
        sign=MISSING,
        most_runs=MOST_RUNS,
        most_gaps=MOST_GAPS,
        most_days=MOST_DAYS,
    )


def duration(seconds: float) -> str:
    """Format seconds in a suitable unit."""
    for unit, size in UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _place(loop: LoopContext) -> float:
    """Return where an item is between the first one, 0, and the last one, 1."""
    return round(loop.index0 / max(loop.length - 1, 1), 2)


def _section(counted: Counted, report: Report) -> Section:
    days = Days(counted.days, report.made.date())
    if not days.past:
        return Section(counted, days)
    return Section(
        counted,
        days,
        bars(days) if days.is_short else None,
        None if days.is_short else calendar(days),
        _rows(days) if days.is_short else (),
        shares(counted.arrivals) if counted.arrivals else (),
        [lag for lag in counted.lags if days.shown[0] <= lag.day <= days.today],
    )


def _rows(days: Days) -> list[Span]:
    found = [Span(day, day, number) for day, number in days.past.items()]
    return sorted([*found, *days.gaps])


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tap_eventexport", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["place"] = _place
    return environment.get_template("page.html")
