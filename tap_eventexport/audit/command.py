"""The command `tap-eventexport-audit`: compares a warehouse with what the vendors have."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from singer_sdk.exceptions import ConfigValidationError

from tap_eventexport import settings
from tap_eventexport.audit import repair
from tap_eventexport.audit.arguments import VARIABLE, parser
from tap_eventexport.audit.audit import begin, parts_of
from tap_eventexport.audit.scope import looked_at
from tap_eventexport.audit.show import as_json, table_lines
from tap_eventexport.audit.tables import WarehouseError
from tap_eventexport.audit.warehouses import opened, parsed
from tap_eventexport.backfill.arguments import WrongUseError, tap_of
from tap_eventexport.backfill.load import LoadError
from tap_eventexport.backfill.show import echo
from tap_eventexport.backfill.signals import SignalReceived, listen
from tap_eventexport.checks import secrets
from tap_eventexport.console.redaction import RedactingFormatter
from tap_eventexport.console.standard_streams import (
    CLOSED,
    OutputClosedError,
    standard_streams,
)
from tap_eventexport.engine.windows import Window, format_instant, round_up

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_eventexport.audit.audit import Audit
    from tap_eventexport.audit.comparison import Day
    from tap_eventexport.audit.scope import Scope
    from tap_eventexport.audit.tables import Table
    from tap_eventexport.backfill.plan import Partition
    from tap_eventexport.tap import TapEventExport

COMPLETE, DIFFERENT, FAILED = 0, 1, 2


@dataclass(slots=True)
class _Teller:
    """Prints lines to stderr, without secrets."""

    secrets: list[str] = field(default_factory=list)

    def tell(self, *lines: str) -> None:
        """Print lines."""
        formatter = RedactingFormatter(logging.Formatter(), self.secrets)
        for line in lines:
            echo(formatter.format(logging.makeLogRecord({"msg": line})))


@standard_streams(echo)
def main() -> NoReturn:
    """Run the command."""
    options = parser().parse_args()
    teller = _Teller()
    listen()
    try:
        sys.exit(_audit(options, teller))
    except SignalReceived as ended:
        teller.tell("ended by a signal")
        sys.exit(ended.code)
    except ConfigValidationError as error:
        teller.tell(*error.errors)
    except (WrongUseError, WarehouseError, LoadError) as error:
        teller.tell(str(error))
    except OutputClosedError as error:
        teller.tell(str(error))
        sys.exit(CLOSED if error.exit_code == CLOSED else FAILED)
    sys.exit(FAILED)


def _audit(options: argparse.Namespace, teller: _Teller) -> int:
    if not options.start < options.end:
        raise WrongUseError(
            f"--start, --end: got {format_instant(options.start)} and "
            f"{format_instant(options.end)}, expected a start before the end"
        )
    if options.repair is not None:
        repair.check(options.repair)
    tap = tap_of(options.config)  # which also reads a .env file
    address = _address(options.warehouse)
    teller.secrets.extend((*secrets(tap.config, settings.SCHEMA), *_secrets_in(address)))
    scopes = _scopes(tap, options, teller)
    warehouse = opened(address, options.schema)
    tables = {scope.name: warehouse.table(scope) for scope in scopes}
    teller.tell(*_about(scopes, tables, options.end))
    with TemporaryDirectory(prefix="tap-eventexport-audit-") as folder:
        parts = list(parts_of(scopes, tables, is_content=options.content))
        audit = begin(tap, parts, warehouse, Path(folder))
        failed = [part for part in parts if part.scope.stream.name in audit.reading.failed]
        found = {part: audit.days(part) for part in parts if part not in failed}
        chosen = list(repair.partitions(tap, found))
        if chosen and options.repair:
            teller.tell(*table_lines(_all(found)))
        word = "loading" if options.repair else "--repair 'LOADER' would load"
        teller.tell(*(f"{word} {line}" for line in repair.described(chosen)))
        if chosen and options.repair:
            for line in _repaired(tap, audit, found, chosen, options):
                teller.tell(line)
    if options.format == "json":
        print(as_json(_all(found)))  # noqa: T201
    else:
        print(*table_lines(_all(found)), sep="\n")  # noqa: T201
    sys.stdout.flush()
    if failed:
        names = ", ".join(part.scope.name for part in failed)
        teller.tell(f"not compared, since the vendor could not be read, see above: {names}")
        return FAILED
    return COMPLETE if all(day.counts.is_complete for day in _all(found)) else DIFFERENT


def _all(found: repair.Found) -> list[Day]:
    return [day for days in found.values() for day in days.values()]


def _repaired(
    tap: TapEventExport,
    audit: Audit,
    found: repair.Found,
    chosen: Sequence[Partition],
    options: argparse.Namespace,
) -> Iterator[str]:
    """Load what differs, remove extra copies, and audit these days again; yield what to tell."""
    code = repair.load(tap, chosen, options.repair, options.scheduler)
    if code not in {0, 1}:
        raise SignalReceived(code)
    for part, days in found.items():
        numbers = repair.differing(days)
        removed = repair.remove_copies(audit, part, numbers) if numbers else 0
        if removed:
            yield f"{part.scope.name}: removed {removed:,} rows whose key has a newer row"
        days.update(audit.days_again(part, numbers))
        if removed is None and any(days[number].counts.doubled for number in numbers):
            yield (
                f"{part.scope.name}: rows that are there more than once can't be removed from this "
                "warehouse; read the newest row of each key, see docs/audit.md"
            )


def _address(given: str) -> str:
    if given != "ENV":
        return given
    address = os.environ.get(VARIABLE)
    if not address:
        raise WrongUseError(f"--warehouse=ENV: {VARIABLE} is not set")
    return address


def _secrets_in(address: str) -> list[str]:
    url = parsed(address)
    if url is None:
        return []
    values = [url.password, *url.query.values()]
    return [value for value in values if isinstance(value, str)]


def _scopes(tap: TapEventExport, options: argparse.Namespace, teller: _Teller) -> tuple[Scope, ...]:
    """Say what is looked at, and tell what isn't."""
    wanted = Window(round_up(options.start), round_up(options.end))
    try:
        looked = looked_at(tap, options.stream, wanted)
    except ValueError as error:
        raise WrongUseError(f"--stream: {error}") from None
    teller.tell(*(f"{gap}: of these, what the store lacks is lost" for gap in looked.gaps))
    teller.tell(*looked.left_out)
    if not looked.scopes:
        raise WrongUseError("there is nothing to look at")
    return looked.scopes


def _about(
    scopes: Iterable[Scope], tables: Mapping[str, Table | None], end: datetime
) -> Iterator[str]:
    """Yield what is compared, before the vendors are read."""
    for scope in scopes:
        whole = scope.whole
        line = f"{scope.name}: compared from {format_instant(whole.start)} to "
        line += format_instant(whole.end)
        if whole.end < end:
            line += ", its settled instant: the next runs read again what is younger"
        yield line
        if tables[scope.name] is None:
            yield (
                f"{scope.name}: there is no table of it, so all is missing; if there is one, "
                "give its schema with --schema"
            )
