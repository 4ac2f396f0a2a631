"""The arguments of the command `tap-eventexport-audit`, and its help."""

from __future__ import annotations

import argparse
import shlex

from tap_eventexport.backfill.arguments import CONFIG, TIME, instant

VARIABLE = "EVENTEXPORT_WAREHOUSE"
ABOUT = """\
Compares a warehouse with what the vendors have, stream by stream and day by
day, and prints what is missing, doubled or changed. Only --repair changes
something.

It reads the vendors again, as the tap does, up to the lookback before now: what
is younger may yet arrive.
"""
EXAMPLES = """\
examples:
  tap-eventexport-audit --config=ENV --warehouse duckdb:///events.duckdb \\
    --start 2026-03-01 --end 2026-04-01
  tap-eventexport-audit --config config.json --warehouse=ENV --schema events \\
    --start 2026-03-01T00:00+09:00 --end 2026-03-08T00:00+09:00 \\
    --stream croct_events --repair 'target-eventexport --config loader.json'

exit codes: 0 all is there, once and unchanged; 1 something is missing, doubled
or changed; 2 it could not look; 130 and 143 after SIGINT and SIGTERM
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="tap-eventexport-audit",
        usage="%(prog)s --config FILE|ENV --warehouse ADDRESS\n"
        "    --start TIME --end TIME [option ...]",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--config", action="append", required=True, metavar="FILE|ENV", help=CONFIG)
    add(
        "--warehouse",
        required=True,
        metavar="ADDRESS",
        help="an address of SQLAlchemy such as postgresql://user:password@host/database, "
        f"duckdb:///FILE, or a folder of JSONL or Parquet files; ENV: that in {VARIABLE}",
    )
    add("--start", type=instant, required=True, metavar="TIME", help=f"the earliest event; {TIME}")
    add("--end", type=instant, required=True, metavar="TIME", help="only events before it")
    add(
        "--stream",
        action="append",
        default=[],
        metavar="STREAM",
        help="this stream only; may be repeated (default: all that are selected)",
    )
    add("--schema", help="the schema with the tables (default: that of the connection)")
    add("--content", action="store_true", help="compare all columns (default: only keys)")
    add(
        "--format",
        choices=("table", "json"),
        default="table",
        help="table: the days that differ, and sums; json: every day (default: %(default)s)",
    )
    add(
        "--repair",
        type=shlex.split,
        metavar="LOADER",
        help="load what differs by this command, then look again (default: only tell)",
    )
    add(
        "--scheduler",
        default="local",
        metavar="ADDRESS",
        help="of the Dask cluster that repairs; local: processes here (default: %(default)s)",
    )
    return made
