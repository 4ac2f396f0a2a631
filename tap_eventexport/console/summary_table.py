"""Prints the summary of a run on a terminal, as wide as that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_eventexport.console.summary import failures, figures, table_lines, total
from tap_eventexport.console.terminal import is_on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_eventexport.engine.runner import StreamRun

FIRST = "stream"  # stands in each block
HEADINGS = (  # the most wanted first
    *("outcome", "records", "unchanged", "took", "bookmark"),
    *("windows", "requests", "MiB", "retries", "waited"),
)
NOTHING = {"0", "0 s"}

Rows = list[dict[str, str]]


def print_summary(runs: Sequence[StreamRun]) -> None:
    """Print what a run has done, and why streams have failed; nothing if there's no terminal."""
    if not (runs and is_on_terminal()):
        return
    from rich.console import Console  # noqa: PLC0415 - not needed elsewhere
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    for line in summary_lines(runs, console.width):
        console.print(Text(line), soft_wrap=True)
    for line in failures(runs):
        console.print("", Text(line), sep="\n")


def summary_lines(runs: Sequence[StreamRun], width: int) -> Iterator[str]:
    """Yield the time that was read, and a table; it is split where it is too wide.

    A column that says nothing of any stream is left out.

    Args:
        runs: The streams.
        width: Characters of a line.
    """
    streams = [figures(run) for run in runs]
    whole = total(streams)
    rows = [each.texts() for each in (*streams, *[whole] * (len(streams) > 1))]
    if whole.start and whole.end:
        span = whole.texts()
        yield f"from {_plain(span['from'])} to {_plain(span['to'])} UTC"
    shown: Rows = [{name: _plain(text) for name, text in row.items()} for row in rows]
    for headings in blocks(shown, width):
        yield ""
        yield from table_lines(headings, shown)


def blocks(rows: Rows, width: int) -> Iterator[tuple[str, ...]]:
    """Yield the headings of each part of the table that fits a width."""
    block: tuple[str, ...] = (FIRST,)
    for heading in HEADINGS:
        if {row[heading] for row in rows} <= NOTHING:
            continue
        wider = (*block, heading)
        if len(block) > 1 and max(map(len, table_lines(wider, rows))) > width:
            yield block
            wider = (FIRST, heading)
        block = wider
    yield block


def _plain(text: str) -> str:
    """Return an instant as people write it, any other text as it is."""
    is_instant = text.endswith("Z") and "T" in text
    return text[:-1].replace("T", " ") if is_instant else text
