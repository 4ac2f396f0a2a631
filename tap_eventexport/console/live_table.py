"""Shows the progress of each stream on a terminal during a run."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_eventexport.console.summary import HEADINGS, TEXTS, summary_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal, TextIO

    from rich.table import Table

    from tap_eventexport.engine.sync import StreamSync

WIDTH = 20  # characters of a bar
LEAST = {
    "stream": 8,
    "from": 10,
    "to": 10,
    "bookmark": 10,
}  # characters, to break lines between words
NARROW = 110  # characters: the table needs at least this width
SHORTEST_WAIT = 1.0  # seconds: a shorter wait would only flicker


def is_on_terminal() -> bool:
    """Whether stderr is a terminal, and logging isn't configured in another way."""
    return sys.stderr.isatty() and "SINGER_SDK_LOG_CONFIG" not in os.environ


@contextmanager
def live_table(syncs: Sequence[StreamSync]) -> Iterator[None]:
    """Show a table of streams at the bottom of the terminal, below the log.

    It is written to stderr, redrawn a few times a second, and removed at the end. Nothing is shown
    if stderr isn't a terminal.
    """
    if not is_on_terminal():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - not needed elsewhere
    from rich.live import Live  # noqa: PLC0415

    terminal = sys.stderr
    console = Console(stderr=True)
    live = Live(
        console=console,
        get_renderable=lambda: _table(syncs),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=True,
    )
    with live:
        console.show_cursor()  # a run that is killed couldn't restore it
        _log_to(sys.stderr, instead_of=terminal)
        try:
            yield
        finally:
            _log_to(terminal, instead_of=sys.stderr)


def print_summary(rows: Sequence[Sequence[str]]) -> None:
    """Print the summary of a run."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(stderr=True)
    if console.width < NARROW:
        console.print(*summary_lines(rows), sep="\n", soft_wrap=True, markup=False, highlight=False)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        justify: Literal["left", "right"] = "left" if heading in TEXTS else "right"
        table.add_column(heading, justify=justify, overflow="fold", min_width=LEAST.get(heading))
    for row in rows:
        table.add_row(*(cell.replace("T", " ") for cell in row))
    console.print(table)


def _log_to(stream: TextIO, instead_of: TextIO) -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is instead_of:
            handler.setStream(stream)


def _table(syncs: Sequence[StreamSync]) -> Table:
    from rich.progress_bar import ProgressBar  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    table.add_column("stream", no_wrap=True)
    table.add_column()
    for heading in ("windows", "records", "records/s"):
        table.add_column(heading, justify="right")
    table.add_column()
    for sync in syncs:
        progress = sync.progress
        complete, windows = progress.complete, progress.windows
        table.add_row(
            sync.stream.name,
            ProgressBar(max(windows, 1), complete, width=WIDTH),
            f"{complete:,}/{windows:,}",
            f"{progress.records:,}",
            f"{progress.records / progress.seconds:,.0f}",
            activity(sync),
        )
    return table


def activity(sync: StreamSync) -> str:
    """Describe what a stream does now."""
    stream = sync.stream
    if stream.is_closed:
        return "failed" if sync.progress.is_failed else "complete"
    until = stream.client.usage.waits_until
    if until - time.time() > SHORTEST_WAIT:
        return f"waits for {stream.vendor} until {time.strftime('%H:%M:%S', time.localtime(until))}"
    return "reads"
