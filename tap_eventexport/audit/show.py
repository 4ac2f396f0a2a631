"""Prints the result of an audit."""

from __future__ import annotations

import json
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from tap_eventexport.audit.comparison import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_eventexport.audit.comparison import Day

HEADINGS = ("stream", "day", *Counts._fields)


def as_json(days: Iterable[Day]) -> str:
    """Return a list of objects, one for each day of each stream."""
    return json.dumps([day.values for day in days], indent=2)


def table_lines(days: Iterable[Day]) -> Iterator[str]:
    """Yield the lines of a table: the days that differ, and the sum of all days of each stream."""
    rows = [
        HEADINGS,
        *(row for _, each in groupby(days, attrgetter("stream")) for row in _rows(each)),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = map(_cell, range(len(row)), row, widths)
        yield "  ".join(cells).rstrip()


def _cell(place: int, text: str, width: int) -> str:
    return text.ljust(width) if HEADINGS[place] in {"stream", "day"} else text.rjust(width)


def _rows(days: Iterable[Day]) -> Iterator[Sequence[str]]:
    total, number, stream = Counts(), 0, ""
    for day in days:
        total, number, stream = total.plus(day.counts), number + 1, day.stream
        if day.counts.gone or not day.counts.is_complete:
            yield _row(stream, day.date, day.counts)
    yield _row(stream, f"{number} day{'s' if number != 1 else ''}", total)


def _row(stream: str, day: str, counts: Counts) -> Sequence[str]:
    return (stream, day, *(f"{count:,}" for count in counts))
