"""Shows the progress of a backfill on stderr."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.backfill.progress import BackfillProgress

PERIOD = 10.0  # seconds between two lines if there is no terminal for a bar


def echo(text: str) -> None:
    """Print a line to stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def shown(tally: BackfillProgress) -> Iterator[Callable[[], None]]:
    """Show the progress; yields a function to call after each change."""
    from rich.console import Console  # noqa: PLC0415 - a plan shows nothing
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(tally)
        return
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False) as progress:
        bar = progress.add_task("partitions", total=tally.planned, completed=tally.ended)
        yield lambda: progress.update(bar, completed=tally.ended)


def _lines(tally: BackfillProgress) -> Callable[[], None]:
    logged = time.monotonic()

    def tell() -> None:
        nonlocal logged
        if time.monotonic() - logged >= PERIOD:
            echo(f"{tally.ended} of {tally.planned} partitions")
            logged = time.monotonic()

    return tell
