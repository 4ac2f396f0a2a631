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
from tap_eventexport.backfill.arguments import CONFIG, TIME, WrongUseError, instant, tap_of
from tap_eventexport.backfill.plan import WIDTHS, plan
from tap_eventexport.backfill.show import echo
from tap_eventexport.console.standard_streams import standard_streams
from tap_eventexport.engine.windows import Window, format_instant, round_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport

NAME = "tap-eventexport-backfill"
FAILED = 1
ABOUT = """\
Loads a long time in partitions, each by a `tap | loader` of its own, on this
machine or on a cluster. What is completed is recorded, so that another run
loads the rest. The state of daily runs is not used, and not changed.
"""
EXAMPLES = """\
examples:
  tap-eventexport-backfill plan --config config.json \\
    --start 2026-01-01 --end 2026-07-01 --by week
  tap-eventexport-backfill run --config config.json \\
    --start 2026-01-01 --end 2026-07-01 --by week --workers 4 \\
    --loader 'target-eventexport --config loader.json' --done done

exit codes: 0 all partitions are loaded; 1 a setting is wrong, the cluster can't
be used, or a partition is not loaded; 130 and 143 after SIGINT and SIGTERM
"""
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
        prog=NAME,
        usage="%(prog)s plan|run --config FILE|ENV --start TIME\n    --end TIME [option ...]",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(required=True, metavar="plan|run")
    planning = acts.add_parser(
        "plan",
        prog=f"{NAME} plan",
        usage="%(prog)s --config FILE|ENV --start TIME --end TIME\n    [option ...]",
        description="Prints the partitions, each a line of JSON. No vendor is asked.",
        help="print the partitions, each a line of JSON; no vendor is asked",
    )
    planning.set_defaults(act=_plan)
    running = acts.add_parser(
        "run",
        prog=f"{NAME} run",
        usage="%(prog)s --config FILE|ENV --start TIME --end TIME\n"
        "    --loader COMMAND --done FOLDER [option ...]",
        description="Loads the partitions that are not completed. It needs the extra dask.",
        help="load the partitions that are not completed",
    )
    running.set_defaults(act=_run)
    for each in (planning, running):
        _add_choice(each)
    _add_load(running)
    return parser


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is loaded."""
    add = parser.add_argument
    add("--config", action="append", required=True, metavar="FILE|ENV", help=CONFIG)
    add(
        "--catalog",
        metavar="FILE",
        help="the tap's catalog, for what is selected (default: all but personal data)",
    )
    add(
        "--stream",
        action="append",
        default=[],
        help="this stream only; may be repeated (default: all that are selected)",
    )
    add("--start", type=instant, required=True, metavar="TIME", help=f"the earliest event; {TIME}")
    add(
        "--end",
        type=instant,
        required=True,
        metavar="TIME",
        help="only events before it; not in the future",
    )
    add(
        "--by",
        choices=WIDTHS,
        default="day",
        help="the length of a partition (default: %(default)s)",
    )


def _add_load(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how it is loaded."""
    add = parser.add_argument
    add(
        "--loader",
        type=shlex.split,
        required=True,
        metavar="COMMAND",
        help="the loader, such as 'target-eventexport --config loader.json'",
    )
    add(
        "--done",
        required=True,
        metavar="FOLDER",
        help="where completed partitions are recorded: a folder, or s3://…",
    )
    add(
        "--scheduler",
        default="local",
        metavar="ADDRESS",
        help="of the Dask cluster; local: processes here (default: %(default)s)",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count(),
        metavar="NUMBER",
        help="of processes here (default: one for each core)",
    )
    add(
        "--retries",
        type=int,
        default=3,
        metavar="NUMBER",
        help="how often a failed partition is retried (default: %(default)s)",
    )


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
