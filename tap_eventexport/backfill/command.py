"""The command `tap-eventexport-backfill`: splits a long time into partitions, and loads them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.exceptions import ConfigValidationError

from tap_eventexport.backfill import sources
from tap_eventexport.backfill.plan import WIDTHS, plan
from tap_eventexport.backfill.show import echo
from tap_eventexport.console.standard_streams import standard_streams
from tap_eventexport.engine.windows import Window, format_instant, parse_instant, round_up
from tap_eventexport.inputs import InputError, read_object
from tap_eventexport.tap import TapEventExport, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_eventexport.backfill.plan import Partition

FAILED = 1
NEEDED = ("distributed", "fsspec", "obstore")  # by `run`


class WrongUseError(Exception):
    """The command was used in a wrong way; the text says how."""


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
        add("--start", type=_instant, required=True, help="the time of the earliest event")
        add("--end", type=_instant, required=True, help="exclusive; not in the future")
        add("--by", choices=WIDTHS, default="day", help="the length of a partition")
    add = running.add_argument
    add("--loader", type=shlex.split, required=True, help="the loader's command")
    add("--done", required=True, help="where to record completed partitions: a folder, or s3://…")
    add("--scheduler", default="local", help="the cluster's address; local: processes here")
    add("--workers", type=int, default=os.cpu_count(), help="the number of local processes")
    add("--retries", type=int, default=3, help="how often to retry a failed partition")
    return parser


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"got {text}, expected a date or date-time such as 2026-03-01 or "
            "2026-03-01T00:00:00+09:00"
        ) from None


def _plan(options: argparse.Namespace) -> int:
    for partition in _partitions(_tap(options), options):
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

    tap = _tap(options)
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


def _tap(options: argparse.Namespace) -> TapEventExport:
    config: dict[str, Any] = {}
    try:
        for path in options.config:
            config |= {} if path == "ENV" else read_object(path)
        catalog = read_object(options.catalog) if options.catalog else None
    except InputError as error:
        raise WrongUseError(f"--config, --catalog: {error}") from None
    try:
        return TapEventExport(
            config=config, catalog=catalog, parse_env_config="ENV" in options.config
        )
    except (ValueError, TypeError) as error:
        raise WrongUseError(f"--config, --catalog: {describe(error)}") from None


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
