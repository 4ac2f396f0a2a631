"""The summary of a run: a row of texts for each stream, and for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_eventexport.engine.reasons import describe
from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tap_eventexport.engine.runner import StreamRun

HEADINGS = (
    *("stream", "from", "to", "windows", "requests", "records", "unchanged", "MiB"),
    *("retries", "waited", "took", "bookmark", "outcome"),
)
TEXTS = {"stream", "from", "to", "bookmark", "outcome"}  # the others are numbers


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run has done for a stream, or for all of them.

    Of what was read, `records` were sent, and `unchanged` had been sent before. Requests, bytes,
    retries and waiting time are counted for each stream. If streams of one vendor wait for the same
    rate limit, each one counts the wait.
    """

    name: str
    start: datetime | None
    end: datetime | None
    complete: int
    windows: int
    requests: int
    records: int
    unchanged: int
    bytes: int
    retries: int
    waited: float
    seconds: float
    bookmark: datetime | None
    outcome: str

    def texts(self) -> dict[str, str]:
        """Return a text for each heading."""
        return {
            "stream": self.name,
            "from": _instant_or_dash(self.start),
            "to": _instant_or_dash(self.end),
            "windows": f"{self.complete:,}/{self.windows:,}",
            "requests": f"{self.requests:,}",
            "records": f"{self.records:,}",
            "unchanged": f"{self.unchanged:,}",
            "MiB": f"{self.bytes / (1 << 20):,.1f}",
            "retries": f"{self.retries:,}",
            "waited": f"{self.waited:,.0f} s",
            "took": f"{self.seconds:,.1f} s",
            "bookmark": _instant_or_dash(self.bookmark),
            "outcome": self.outcome,
        }


def figures(run: StreamRun) -> Figures:
    """Return what a run has done for a stream."""
    stream, progress = run.stream, run.progress
    interval, usage = stream.interval, stream.client.usage
    ended = "failed" if progress.error else "complete"
    return Figures(
        name=stream.name,
        start=interval.start if interval else None,
        end=interval.end if interval else None,
        complete=progress.complete,
        windows=progress.windows,
        requests=usage.requests,
        records=progress.records,
        unchanged=progress.unchanged,
        bytes=usage.bytes,
        retries=usage.retries,
        waited=usage.waited,
        seconds=progress.seconds,
        bookmark=run.watermark,
        outcome=ended if progress.is_ended else "stopped",
    )


def total(streams: Sequence[Figures]) -> Figures:
    """Return the sums of streams, which ran at the same time."""
    starts = [each.start for each in streams if each.start]
    ends = [each.end for each in streams if each.end]
    outcomes = [each.outcome for each in streams]
    worst = next((word for word in ("failed", "stopped") if word in outcomes), "")
    return Figures(
        name="total",
        start=min(starts, default=None),
        end=max(ends, default=None),
        complete=sum(each.complete for each in streams),
        windows=sum(each.windows for each in streams),
        requests=sum(each.requests for each in streams),
        records=sum(each.records for each in streams),
        unchanged=sum(each.unchanged for each in streams),
        bytes=sum(each.bytes for each in streams),
        retries=sum(each.retries for each in streams),
        waited=sum(each.waited for each in streams),
        seconds=max((each.seconds for each in streams), default=0.0),
        bookmark=None,
        outcome=f"{outcomes.count(worst)} {worst}" if worst else "complete",
    )


def failures(runs: Sequence[StreamRun]) -> Iterator[str]:
    """Yield a line for each reason why streams have failed."""
    names: dict[str, list[str]] = {}
    for run in runs:
        if run.progress.error:
            names.setdefault(describe(run.progress.error), []).append(run.stream.name)
    for reason, failed in names.items():
        yield f"{', '.join(failed)} failed: {reason}"


def table_lines(headings: Sequence[str], rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield the lines of a table of some headings, which come first."""
    lines = [headings, *([row[heading] for heading in headings] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(map(_cell, headings, line, widths)).rstrip()


def _cell(heading: str, text: str, width: int) -> str:
    return text.ljust(width) if heading in TEXTS else text.rjust(width)


def _instant_or_dash(instant: datetime | None) -> str:
    return format_instant(instant)[:19] + "Z" if instant else "-"
