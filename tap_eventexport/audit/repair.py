"""Loads the days that differ, by the partitions of a backfill."""

from __future__ import annotations

import os
from collections import defaultdict
from importlib.util import find_spec
from operator import attrgetter
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tap_eventexport.audit import statements
from tap_eventexport.backfill import sources
from tap_eventexport.backfill.arguments import WrongUseError
from tap_eventexport.backfill.command import NEEDED
from tap_eventexport.backfill.plan import plan
from tap_eventexport.engine.windows import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_eventexport.audit.audit import Audit
    from tap_eventexport.audit.comparison import Day
    from tap_eventexport.audit.reading import Part
    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.tap import TapEventExport

    Found = Mapping[Part, dict[int, Day]]

RETRIES = 3


def differing(days: Mapping[int, Day]) -> list[int]:
    """Return the numbers of the days that are not complete."""
    return [number for number, day in days.items() if not day.counts.is_complete]


def partitions(tap: TapEventExport, found: Found) -> Iterator[Partition]:
    """Yield what a repair loads: the days that are not complete, each once."""
    days: defaultdict[EventStream, set[Window]] = defaultdict(set)
    for part, each in found.items():
        days[part.scope.stream].update(part.scope.days[number] for number in differing(each))
    for stream, chosen in days.items():
        source = sources.source(tap, stream)
        windows = sorted(chosen, key=attrgetter("start"))
        if windows and source.zone is None:
            windows = [Window(windows[0].start, windows[-1].end)]
        for window in windows:
            yield from plan([source], window, "day").partitions


def described(chosen: Iterable[Partition]) -> Iterator[str]:
    """Yield a line for each time without a gap."""
    reached: list[tuple[str, datetime, datetime]] = []
    for each in chosen:
        if reached and reached[-1][0] == each.stream and reached[-1][2] == each.window.start:
            reached[-1] = (each.stream, reached[-1][1], each.window.end)
        else:
            reached.append((each.stream, each.window.start, each.window.end))
    for stream, start, end in reached:
        yield f"{stream} from {format_instant(start)} to {format_instant(end)}"


def check(loader: Sequence[str]) -> None:
    """Check that a repair can be made.

    Raises:
        WrongUseError: If there is no command, or if something must be installed.
    """
    if not loader:
        raise WrongUseError("--repair: expected a command such as target-postgres --config=ENV")
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WrongUseError(
            f"--repair needs {', '.join(missing)}: pip install 'tap-eventexport[dask]'"
        )


def load(
    tap: TapEventExport, chosen: Sequence[Partition], loader: Sequence[str], scheduler: str
) -> int:
    """Load partitions as a backfill does, and return its exit code."""
    from tap_eventexport.backfill.run import Options, run  # noqa: PLC0415 - an extra

    with TemporaryDirectory() as done:
        options = Options(
            scheduler=scheduler,
            workers=os.cpu_count() or 1,
            loader=tuple(loader),
            done=done,
            retries=RETRIES,
        )
        return run(tap, chosen, options)


def remove_copies(audit: Audit, part: Part, days: Collection[int]) -> int | None:
    """Remove all rows of a key but the newest, and return their number.

    Args:
        audit: The audit.
        part: The stream.
        days: The days.

    Returns:
        The number; None if the warehouse can't tell equal rows apart.

    Raises:
        WarehouseError: If the warehouse refuses it.
    """
    warehouse = audit.warehouse
    table = warehouse.table(part.scope)
    if table is None or table.is_unique:
        return 0
    if warehouse.is_of_files or warehouse.dialect not in statements.PLACES:
        return None
    windows = [part.scope.days[number] for number in days]
    return warehouse.delete(statements.extra_copies(table, windows, warehouse.dialect))
