"""Makes records from Dfinery's rows: names of columns, types, values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_eventexport.engine.bodies.values import SCHEMAS, converter
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.names import quote_name
from tap_eventexport.vendors.dfinery.columns import ARRIVAL, KEY, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from tap_eventexport.engine.bodies.values import Convert
    from tap_eventexport.engine.page import Record

    Rows = list[list[str]]

OTHER_NAME = "event_name"  # the name of df_event_name in the documentation's table
NO_VALUE = {"", "null", "NULL"}  # how a missing text may be written


def column_names(header: Sequence[str]) -> list[str]:
    """Return unique names for the columns of a CSV.

    `event_name` becomes `df_event_name`, unless the CSV has one. Repeated names get a number: `a`,
    `a_2`, `a_3`, without names that other columns have. A NUL becomes U+FFFD, as in records.
    """
    names = [name.replace("\0", "\ufffd") for name in header]
    if NAME not in names and OTHER_NAME in names:
        names[names.index(OTHER_NAME)] = NAME
    taken, last = set(names), dict.fromkeys(names, 0)
    for place, name in enumerate(names):
        last[name] += 1
        if last[name] > 1:
            while f"{name}_{last[name]}" in taken:
                last[name] += 1
            names[place] = f"{name}_{last[name]}"
    return names


class ColumnTypes:
    """The types of columns: from the settings, else the documented ones, else text.

    Args:
        chosen: The types from the settings, by column.
        documented: The documented types.
    """

    def __init__(self, chosen: Mapping[str, str], documented: Mapping[str, str]) -> None:
        self._chosen = chosen
        self._documented = documented

    def __getitem__(self, name: str) -> str:
        return self._chosen.get(name) or self._documented.get(name, "string")

    def schemas(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the JSON schemas of some columns."""
        return {name: SCHEMAS[self[name]] for name in names}

    def advice(self, name: str) -> str:
        """Return what to do about a value that doesn't fit its column's type."""
        if name in {KEY, ARRIVAL}:
            return "please report it"
        if name in self._chosen:
            return "correct its type in dfinery_property_types"
        return 'set it to "string" in dfinery_property_types, and report the wrong type'


class Csv(NamedTuple):
    """The facts about a CSV, without its rows.

    Attributes:
        what: Its name, for errors.
        names: The names of its columns, as they are sent.
        types: The types of its columns.
        zone: The time zone of its date-times.
        keys: The columns that every row must have.
    """

    what: str
    names: Sequence[str]
    types: ColumnTypes
    zone: tzinfo
    keys: Sequence[str]

    def __str__(self) -> str:
        return self.what

    def record_maker(self) -> Callable[[Rows, Sequence[int]], list[Record]]:
        """Return a function that makes records from rows, given the numbers of these rows.

        It raises FatalVendorError if a value doesn't fit its column's type, or the key is missing.
        """
        converters = [converter(self.types[name], self.zone) for name in self.names]
        make = _record_maker(self.names)

        def records(rows: Rows, numbers: Sequence[int]) -> list[Record]:
            columns: list[Sequence[Any]] = []
            for name, convert, texts in zip(
                self.names, converters, zip(*rows, strict=True), strict=False
            ):
                if name in self.keys:
                    self._refuse_missing(name, texts, numbers)
                try:
                    columns.append(convert(texts))
                except ValueError:
                    raise self._misfit(name, numbers[_first_misfit(convert, texts)]) from None
            return list(map(make, *columns))

        return records

    def _refuse_missing(self, name: str, texts: Sequence[str], numbers: Sequence[int]) -> None:
        if NO_VALUE.isdisjoint(texts):
            return
        row = next(row for row, text in zip(numbers, texts, strict=True) if text in NO_VALUE)
        raise FatalVendorError(
            f"{self}: column {name}, row {row}: it is empty, so the row can't be sent; "
            "ask Dfinery what the row is"
        )

    def _misfit(self, name: str, row: int) -> FatalVendorError:
        return FatalVendorError(
            f"{self}: column {quote_name(name)}, row {row}: a value that is not of type "
            f"{self.types[name]}; {self.types.advice(name)}"
        )


def _record_maker(names: Sequence[str]) -> Callable[..., Record]:
    """Return a function that makes a record from values: a fast struct, if its names allow that."""
    fields = [f"column_{number}" for number in range(len(names))]
    try:
        return msgspec.defstruct(
            "Row", fields, rename=dict(zip(fields, names, strict=True)), gc=False
        )
    except ValueError:  # quotes, backslashes, control characters
        return lambda *values: dict(zip(names, values, strict=True))


def _first_misfit(convert: Convert, texts: Sequence[str]) -> int:
    """Return the index of the first text that can't be converted."""
    for index, text in enumerate(texts):
        try:
            convert([text])
        except ValueError:
            return index
    return 0
