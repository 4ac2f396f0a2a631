"""Shows the progress of each stream on a terminal during a run.

The bars are ASCII, which is one cell wide in every locale and font; a full cell differs from an
empty one without colour, too.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_eventexport.console.summary import failures
from tap_eventexport.console.terminal import has_live_table, move_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from tap_eventexport.engine.runner import StreamRun

FULL, EMPTY = "#", "."
COLOUR = "cyan"  # of what is done
TINY, NARROW, WIDE = 80, 100, 120  # characters: the narrower the terminal, the fewer the columns
SHORT_BAR, LONG_BAR = 10, 20  # characters
NUMBERS = {"windows", "records", "records/s", "left"}
ENDED = {"complete", "failed"}
SHORTEST_WAIT = 1.0  # seconds: a shorter wait would only flicker


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of a stream, or of all of them.

    Attributes:
        name: The stream's name.
        complete: The number of windows that are complete.
        windows: The number of windows that the run reads.
        records: The number of records that were sent.
        seconds: How long it has taken so far.
        left: Seconds that it takes yet; None if that can't be known, or it has ended.
        state: What it does now.
    """

    name: str
    complete: int
    windows: int
    records: int
    seconds: float
    left: float | None
    state: str


@contextmanager
def live_table(runs: Sequence[StreamRun]) -> Iterator[None]:
    """Show a table of streams at the bottom of the terminal, below the log.

    It is written to stderr, redrawn a few times a second, and removed at the end. Nothing is shown
    if stderr isn't a terminal.
    """
    if not has_live_table():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - not needed elsewhere
    from rich.live import Live  # noqa: PLC0415

    terminal, began = sys.stderr, time.monotonic()
    console = Console(stderr=True)
    live = Live(
        console=console,
        get_renderable=lambda: table(runs, time.monotonic() - began, console.width),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=True,
    )
    with live:
        console.show_cursor()  # a run that is killed couldn't restore it
        move_log(terminal, sys.stderr)
        try:
            yield
        finally:
            move_log(sys.stderr, terminal)


def table(runs: Sequence[StreamRun], seconds: float, width: int) -> RenderableType:
    """Make the table: a row for each stream, their total, and the reason of each failure.

    Args:
        runs: The streams.
        seconds: How long the run has taken so far.
        width: Characters of a line.
    """
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rows = [row_of(run) for run in runs]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    last = _cells(total_of(rows, seconds), width)
    for heading, total in last.items():
        made.add_column(heading.strip(), total, justify="right" if heading in NUMBERS else "left")
    for row in rows:
        made.add_row(*_cells(row, width).values())
    return Group(made, *map(Text, failures(runs)))


def row_of(run: StreamRun) -> Row:
    """Return the row of a stream."""
    progress = run.progress
    wait = run.stream.client.usage.waits_until - time.time()
    left = progress.seconds_left
    state = "reads"
    if progress.is_ended:
        state, left = "failed" if progress.error else "complete", None
    elif wait > SHORTEST_WAIT:
        until = time.localtime(run.stream.client.usage.waits_until)
        state = f"waits until {time.strftime('%H:%M:%S', until)}"
        left = left and max(left, wait)
    return Row(
        run.stream.name,
        progress.complete,
        progress.windows,
        progress.records,
        progress.seconds,
        left,
        state,
    )


def total_of(rows: Sequence[Row], seconds: float) -> Row:
    """Return the row of all streams, which run at the same time."""
    left = [row.left for row in rows if row.state not in ENDED]
    known = [each for each in left if each is not None]
    return Row(
        "total",
        sum(row.complete for row in rows),
        sum(row.windows for row in rows),
        sum(row.records for row in rows),
        seconds,
        max(known) if known and len(known) == len(left) else None,
        f"{clock(seconds)} elapsed",
    )


def _cells(row: Row, width: int) -> dict[str, str | Text]:
    cells: dict[str, str | Text] = {
        "stream": row.name,
        " ": _bar(row, SHORT_BAR if width < WIDE else LONG_BAR),
        "windows": f"{row.complete:,}/{row.windows:,}",
        "records": f"{row.records:,}",
        "records/s": f"{row.records / max(row.seconds, 0.001):,.0f}",
        "left": "" if row.left is None else clock(row.left),
        "  ": row.state,
    }
    left_out = {"windows", "records/s"} if width < NARROW else set()
    left_out |= {" ", "left"} if width < TINY else set()
    return {heading: cell for heading, cell in cells.items() if heading not in left_out}


def _bar(row: Row, cells: int) -> Text:
    from rich.text import Text  # noqa: PLC0415

    share = (row.complete, row.windows) if row.windows else (row.state == "complete", 1)
    full = cells * share[0] // share[1]
    return Text.assemble((FULL * full, COLOUR), (EMPTY * (cells - full), "dim"))


def clock(seconds: float) -> str:
    """Return a duration as 0:05 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
