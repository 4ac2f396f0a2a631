"""Finds the tables that runs log at their end, in any format of log lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_eventexport.console.summary import HEADINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

COUNT = r"[\d,]{1,30}"
SECONDS = r"[\d,.]{1,30} s"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|-"
FORMS = {
    "stream": r"\w{1,100}",
    "from": INSTANT,
    "to": INSTANT,
    "windows": rf"{COUNT}/{COUNT}",
    "requests": COUNT,
    "records": COUNT,
    "unchanged": COUNT,
    "MiB": r"[\d,.]{1,30}",
    "retries": COUNT,
    "waited": SECONDS,
    "took": SECONDS,
    "bookmark": INSTANT,
    "outcome": "complete|failed|stopped",
}
MOST_ROWS = 50  # of a run; the tap has fewer streams
GAP = r"\s{2,}"
NEW = {"unchanged"}  # which the tables of version 0.1 didn't have


def _pattern(forms: Mapping[str, str]) -> re.Pattern[str]:
    first, *others = HEADINGS
    following = (f"(?:{GAP}{forms[name]})" + "?" * (name in NEW) for name in others)
    return re.compile(rf"\b{forms[first]}{''.join(following)}\b")


HEADING = _pattern({name: name for name in HEADINGS})
ROW = _pattern({name: f"(?P<{name}>{FORMS[name]})" for name in HEADINGS})
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tap: the rows of its table, by their headings."""

    logged: str  # the time that the log has beside the table, as it writes it; may be empty
    rows: list[dict[str, str]] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """The streams that failed."""
        return [row["stream"] for row in self.rows if row["outcome"] == "failed"]


def runs(lines: Iterable[str]) -> Iterator[Run]:
    """Yield the runs in a log, in order; other lines are skipped."""
    run = None
    for line in lines:
        text = COLOUR.sub("", line)
        if heading := HEADING.search(text):
            if run and run.rows:
                yield run
            time = TIME.search(text, 0, heading.start())
            run = Run(time[0].replace("T", " ") if time else "")
        elif run and len(run.rows) < MOST_ROWS and (row := ROW.search(text)):
            run.rows.append(row.groupdict(default="-"))
    if run and run.rows:
        yield run


def latest(found: Iterable[Run]) -> dict[str, dict[str, str]]:
    """Return the last row of each stream."""
    return {row["stream"]: row for run in found for row in run.rows}
