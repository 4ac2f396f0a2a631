"""The command `tap-eventexport-backfill`: splits a long time into partitions, and loads them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

from singer_sdk.exceptions import ConfigValidationError

from tap_eventexport.backfill import sources
from tap_eventexport.backfill.arguments import WrongUseError, instant, tap_of
from tap_eventexport.backfill.plan import WIDTHS, plan
from tap_eventexport.backfill.show import echo
from tap_eventexport.console.standard_streams import standard_streams
from tap_eventexport.engine.windows import Window, format_instant, round_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport

FAILED = 1
NEEDED = ("distributed", "fsspec", "obstore")  # by `run`


@standard_streams(echo)
def main() -> NoReturn:
    """Run the command."""
    options = _parser().parse_args()
    try:
        sys.exit(options.act(options))
    except ConfigValidationError as error:
        echo("\n".join(error.errors))
    except WrongUseError as error:
        echo(str(error))
    sys.exit(FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tap-eventexport-backfill",
        description="Loads a long time in partitions, on this machine or on a cluster.",
    )
    acts = parser.add_subparsers(required=True)
    planning = acts.add_parser("plan", help="print the partitions, each a line of JSON")
    planning.set_defaults(act=_plan)
    running = acts.add_parser("run", help="load the partitions that are not done yet")
    running.set_defaults(act=_run)
    for each in (planning, running):
        add = each.add_argument
        add("--config", action="append", required=True, help="the tap's settings: a file, or ENV")
        add("--catalog", help="the tap's catalog, for what is selected")
        add("--stream", action="append", default=[], help="this stream only; may be repeated")
        add("--start", type=instant, required=True, help="the time of the earliest event")
        add("--end", type=instant, required=True, help="exclusive; not in the future")
        add("--by", choices=WIDTHS, default="day", help="the length of a partition")
    add = running.add_argument
    add("--loader", type=shlex.split, required=True, help="the loader's command")
    add("--done", required=True, help="where to record completed partitions: a folder, or s3://…")
    add("--scheduler", default="local", help="the cluster's address; local: processes here")
    add("--workers", type=int, default=os.cpu_count(), help="the number of local processes")
    add("--retries", type=int, default=3, help="how often to retry a failed partition")
    return parser


def _plan(options: argparse.Namespace) -> int:
    for partition in _partitions(tap_of(options.config, options.catalog), options):
        print(json.dumps(partition.values))  # noqa: T201
    return 0


def _run(options: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WrongUseError(f"run needs {', '.join(missing)}: pip install 'tap-eventexport[dask]'")
    if not options.loader:
        raise WrongUseError("--loader: expected a command such as target-postgres --config=ENV")
    from tap_eventexport.backfill.completed import DoneError  # noqa: PLC0415 - an extra
    from tap_eventexport.backfill.run import Options, run  # noqa: PLC0415 - an extra

    tap = tap_of(options.config, options.catalog)
    chosen = Options(
        scheduler=options.scheduler,
        workers=options.workers,
        loader=tuple(options.loader),
        done=options.done,
        retries=options.retries,
    )
    try:
        return run(tap, _partitions(tap, options), chosen)
    except DoneError as error:
        raise WrongUseError(f"--done: {error}") from None


def _partitions(tap: TapEventExport, options: argparse.Namespace) -> Sequence[Partition]:
    """Plan the partitions, and report the gaps."""
    if not options.start < options.end <= datetime.now(UTC):
        raise WrongUseError(
            f"--start, --end: got {format_instant(options.start)} and "
            f"{format_instant(options.end)}, expected a start before the end, "
            "and an end that isn't in the future"
        )
    try:
        chosen = sources.streams(tap, options.stream)
    except ValueError as error:
        raise WrongUseError(f"--stream: {error}") from None
    wanted = Window(round_up(options.start), round_up(options.end))
    planned = plan([sources.source(tap, stream) for stream in chosen], wanted, options.by)
    for gap in planned.gaps:
        echo(str(gap))
    if planned.gaps and tap.config["on_gap"] == "fail":
        raise WrongUseError("on_gap=fail ends the backfill here")
    return planned.partitions
