"""The summary of a run as a table: one row for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_eventexport.engine.sync import StreamSync

HEADINGS = (
    *("stream", "from", "to", "windows", "requests", "records", "unchanged", "MiB"),
    *("retries", "waited", "took", "bookmark", "outcome"),
)
TEXTS = {"stream", "from", "to", "bookmark", "outcome"}  # the others are numbers


def summary(syncs: Iterable[StreamSync], failures: Iterable[str]) -> list[Sequence[str]]:
    """Return the rows of the table, without its headings.

    Of what was read, `records` were sent, and `unchanged` had been sent before. Requests, bytes,
    retries and waiting time are counted for each stream. If streams of one vendor wait for the same
    rate limit, each one counts the wait.
    """
    failed = set(failures)
    return [_row(sync, is_failed=sync.stream.name in failed) for sync in syncs]


def summary_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of the table, the headings first."""
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    for row in (HEADINGS, *rows):
        yield "  ".join(map(_cell, HEADINGS, row, widths)).rstrip()


def _cell(heading: str, text: str, width: int) -> str:
    return text.ljust(width) if heading in TEXTS else text.rjust(width)


def _row(sync: StreamSync, *, is_failed: bool) -> Sequence[str]:
    stream, progress = sync.stream, sync.progress
    interval, usage = stream.interval, stream.client.usage
    return (
        stream.name,
        _instant_or_dash(interval.start if interval else None),
        _instant_or_dash(interval.end if interval else None),
        f"{progress.complete:,}/{progress.windows:,}",
        f"{usage.requests:,}",
        f"{progress.records:,}",
        f"{progress.unchanged:,}",
        f"{usage.bytes / (1 << 20):,.1f}",
        f"{usage.retries:,}",
        f"{usage.waited:,.0f} s",
        f"{progress.seconds:,.1f} s",
        _instant_or_dash(sync.watermark),
        "failed" if is_failed else "complete",
    )


def _instant_or_dash(instant: datetime | None) -> str:
    return format_instant(instant)[:19] + "Z" if instant else "-"
