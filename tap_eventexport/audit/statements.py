"""The statements that an audit runs, for every warehouse.

Where the warehouse can make digests, a time is told by its quarter of an hour since 1970: in every
time zone, days begin at one.
"""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.types import UserDefinedType

from tap_eventexport.audit.digests import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql import Delete, Select

    from tap_eventexport.audit.tables import Table
    from tap_eventexport.engine.windows import Window

    Element = ColumnElement[Any]

QUARTER = 900  # seconds
MARGIN = timedelta(days=1)  # of times that may be in any zone
SEQUENCE = "_sdc_sequence"  # of loaders made with the SDK: the newest row has the largest
PLACES = {"postgresql": "ctid", "duckdb": "rowid"}  # what tells equal rows apart


class _UnsignedBigInteger(UserDefinedType[int]):
    def get_col_spec(self, **_: object) -> str:
        return "UBIGINT"


def _bits_in_postgresql(digits: Element) -> Element:
    return cast(cast(func.concat("x", digits), BIT(64)), BigInteger)


def _bits_in_duckdb(digits: Element) -> Element:
    return cast(func.concat("0x", digits), _UnsignedBigInteger())


BITS: Mapping[str, Callable[[Element], Element]] = {
    "postgresql": _bits_in_postgresql,
    "duckdb": _bits_in_duckdb,
}
"""By dialect, what makes a number of 16 hexadecimal digits; other warehouses make no digests."""


def tallies(table: Table, window: Window, dialect: str) -> Select[Any]:
    """Return a statement for each quarter of an hour: its number, rows, keys, and sum of digests.

    Args:
        table: The table.
        window: The time to look at.
        dialect: A name in `BITS`.
    """
    key, quarter = _key(table), _quarter(table)
    inside = and_(_is_inside(table, [window]), key.is_not(None))
    count = func.count(literal_column("*"))
    if table.is_unique:
        digest = func.sum(_digest(key, dialect))
        grouped = select(quarter.label("quarter"), count, count, digest).where(inside)
        return grouped.group_by(literal_column("1"))
    each = (
        select(key.label("key"), func.min(quarter).label("quarter"), count.label("copies"))
        .where(inside)
        .group_by(literal_column("1"))
        .subquery()
    )
    digest = func.sum(_digest(each.c.key, dialect))
    return select(each.c.quarter, func.sum(each.c.copies), count, digest).group_by(each.c.quarter)


def rows(
    table: Table, windows: Sequence[Window], dialect: str, columns: Iterable[tuple[str | None, str]]
) -> Select[Any]:
    """Return a statement for the rows of some windows.

    A row is the key's columns, the time, and the columns asked for. The time is a quarter of an
    hour, or the warehouse's own if it is a name not in `BITS`; then rows of other times come, too.

    Args:
        table: The table.
        windows: The time to look at.
        dialect: The warehouse's dialect.
        columns: The columns, each with its kind; null stands for a column that the table lacks.
    """
    keys = [table.column(name) for name in table.keys]
    others = [_value(table, name, kind, dialect) for name, kind in columns]
    if dialect in BITS:
        return select(*keys, _quarter(table), *others).where(_is_inside(table, windows))
    chosen = select(*keys, table.column(table.time), *others)
    if table.time_type is None:
        return chosen
    edges = (windows[0].start - MARGIN, windows[-1].end + MARGIN)
    if not table.time_type.timezone:
        edges = (edges[0].replace(tzinfo=None), edges[1].replace(tzinfo=None))
    first, last = (bindparam(None, edge, type_=table.time_type) for edge in edges)
    return chosen.where(and_(table.column(table.time) >= first, table.column(table.time) < last))


def first_row(table: Table) -> Select[Any]:
    """Return a statement for any row, which shows whether the columns may be read."""
    keys = map(table.column, table.keys)
    return select(*keys, table.column(table.time).is_not(None)).limit(literal_column("1"))


def extra_copies(table: Table, windows: Sequence[Window], dialect: str) -> Delete:
    """Return a statement that deletes all rows of a key but the newest.

    Args:
        table: The table.
        windows: The time to look at.
        dialect: A name in `PLACES`.
    """
    place: Element = column(PLACES[dialect])
    newest = [place.desc()]
    if SEQUENCE in table.clause.c:
        newest.insert(0, table.column(SEQUENCE).desc().nulls_last())
    keys = [table.column(name) for name in table.keys]
    number = func.row_number().over(partition_by=keys, order_by=newest).label("number")
    numbered = (
        select(place.label("place"), number)
        .select_from(table.clause)
        .where(_is_inside(table, windows), *(key.is_not(None) for key in keys))
        .subquery()
    )
    copies = select(numbered.c.place).where(numbered.c.number > literal_column("1"))
    return delete(table.clause).where(place.in_(copies))


def _key(table: Table) -> Element:
    parts: list[Element] = [cast(table.column(name), Text) for name in table.keys]
    return reduce(lambda before, part: before.concat(SEPARATOR).concat(part), parts)


def _digest(key: Element, dialect: str) -> Element:
    return BITS[dialect](func.left(func.md5(key), literal_column("16", Integer)))


def _seconds(element: Element) -> Element:
    return func.date_part("epoch", cast(element, TIMESTAMP(timezone=True)))


def _quarter(table: Table) -> Element:
    seconds = _seconds(table.column(table.time))
    return cast(func.floor(seconds.op("/")(literal_column(f"{QUARTER}"))), BigInteger)


def _is_inside(table: Table, windows: Iterable[Window]) -> Element:
    """Compare times as they are, if they are times: then the planner knows how many there are."""
    time: Element = table.column(table.time)
    if table.time_type is None:
        time = cast(time, TIMESTAMP(timezone=True))
    edges = [(_instant(each.start), _instant(each.end)) for each in windows]
    return or_(*(and_(time >= start, time < end) for start, end in edges))


def _instant(instant: datetime) -> Element:
    return cast(literal(instant), TIMESTAMP(timezone=True))


def _value(table: Table, name: str | None, kind: str, dialect: str) -> Element:
    if name is None:
        return null()
    value: Element = table.column(name)
    return _seconds(value) if kind == "time" and dialect in BITS else value
