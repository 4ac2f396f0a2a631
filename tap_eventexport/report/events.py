"""Counts the events that a loader wrote with DuckDB, each event once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.sources import DUCKDB, JSONL, PARQUET, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from tap_eventexport.report.columns import Columns

YEARS = "'0001-01-09' and '9999-12-23'"  # that Python's calendar has, but for a week
LAGS = {"within 1 minute": 60, "within 1 hour": 3_600, "within 1 day": 86_400}  # seconds
LATER, EARLIER = "later", "before it happened"


class Lag(NamedTuple):
    """How late the events of a day arrived, in seconds."""

    day: date
    median: float
    most: float  # 95 % of them
    longest: float


@dataclass(frozen=True, slots=True)
class Counted:
    """The events of a stream."""

    stream: str
    days: dict[date, int]  # in order; only those that have events
    arrivals: dict[str, int] = field(default_factory=dict)  # events by how late they arrived
    lags: list[Lag] = field(default_factory=list)

    @property
    def events(self) -> int:
        """The number of events."""
        return sum(self.days.values())


def count(columns: Columns, files: Sequence[Path], zone: str) -> Counted:
    """Count the events of a stream; a record that is in its files more than once counts once.

    Args:
        columns: The stream's columns.
        files: The files with its records.
        zone: The IANA name of the time zone that the days are in.

    Raises:
        ReportError: If a line of a file isn't a record of the stream.
    """
    with duckdb.connect() as connection:
        try:
            return _count(connection, columns, files, zone)
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]  # the rest recommends settings of DuckDB
            raise ReportError(f"{columns.stream}: {said}") from None


def _count(
    connection: duckdb.DuckDBPyConnection, columns: Columns, files: Sequence[Path], zone: str
) -> Counted:
    happened = columns.happened or columns.time
    types = {columns.key: "varchar", columns.time: "timestamptz", happened: "timestamptz"}
    connection.execute("set timezone = 'UTC'")  # of times that have no offset
    sources = " union all ".join(_sources(connection, files, columns.stream, types))
    connection.execute(
        f"""create temp table events as
        select
            "{columns.key}" is not null
                and coalesce(min("{columns.time}") between {YEARS}, false) as is_whole,
            cast(min("{columns.time}") at time zone $zone as date) as day,
            epoch(min("{columns.time}")) - epoch(min("{happened}")) as lag
        from ({sources})
        group by "{columns.key}" """,  # noqa: S608 - the streams' own names
        {"zone": zone},
    )
    if connection.execute("from events where not is_whole limit 1").fetchall():
        names = ", ".join(map(str, files))
        raise ReportError(f"{names}: a record has no {columns.key}, or no usable {columns.time}")
    days = "select day, count(*) from events group by 1 order by 1"
    counted = Counted(columns.stream, dict(connection.execute(days).fetchall()))
    if columns.happened:
        counted.arrivals.update(_arrivals(connection))
        counted.lags.extend(_lags(connection))
    return counted


def _sources(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], stream: str, types: dict[str, str]
) -> Iterator[str]:
    """Yield a query for the files of each kind."""
    columns = ", ".join(f'cast("{name}" as {type_}) as "{name}"' for name, type_ in types.items())
    for suffix in (JSONL, PARQUET):
        if paths := [str(file) for file in files if file.suffix == suffix]:
            name = suffix.removeprefix(".")
            connection.execute(f"set variable {name} = ?", [paths])
            options = f"format = 'newline_delimited', columns = {types}"
            if suffix == PARQUET:
                options = "union_by_name = true"
            reader = "read_json" if suffix == JSONL else "read_parquet"
            yield f"select {columns} from {reader}(getvariable('{name}'), {options})"  # noqa: S608
    for number, file in enumerate(file for file in files if file.suffix == DUCKDB):
        path = str(file).replace("'", "''")
        connection.execute(f"attach '{path}' as store{number} (read_only)")
        for table in tables(file, stream):
            yield f"select {columns} from store{number}.{table}"  # noqa: S608


def _arrivals(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    cases = " ".join(f"when lag <= {most} then '{name}'" for name, most in LAGS.items())
    found = connection.execute(
        f"""select
            case when lag < 0 then '{EARLIER}' {cases} else '{LATER}' end, count(*)
        from events where lag is not null group by 1"""  # noqa: S608 - our own names
    )
    return dict(found.fetchall())


def _lags(connection: duckdb.DuckDBPyConnection) -> list[Lag]:
    found = connection.execute(
        """select day, quantile_cont(lag, 0.5), quantile_cont(lag, 0.95), max(lag)
        from events where lag is not null group by 1 order by 1"""
    )
    return [Lag(*row) for row in found.fetchall()]
