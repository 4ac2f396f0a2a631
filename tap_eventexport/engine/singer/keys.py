"""No record leaves without its key, nor without a time that lies in what was asked for.

A loader dies of a key that is null, and writes records over each other whose keys are empty.
Vendors differ in whether the ends of a window are inclusive, and some take little notice of it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tap_eventexport.engine.page import Page
    from tap_eventexport.engine.windows import Window

LENGTH, SEPARATORS = 24, {10: "T", 19: ".", 23: "Z"}  # of times as `format_instant` writes them


def checked(page: Page, names: Collection[str], source: str) -> Page:
    """A page whose blocks are looked at: now if they are in memory, else as they come.

    Args:
        page: The page.
        names: The columns that each record must have.
        source: Where the page comes from, for the error.

    Raises:
        FatalVendorError: If a record lacks one.
    """

    def batches() -> Iterator[Any]:
        before = 0
        for block in page.batches:
            check(block, names, source, before)  # type: ignore[arg-type]  # not encoded yet
            before += len(block)
            yield block

    return replace(page, batches=batches() if page.spooled else list(batches()))


def inside(page: Page, name: str, bounds: Window, source: str) -> Page:
    """A page without the records whose time lies outside of a window.

    A record at the window's start is inside, one at its end is not. Blocks are looked at as by
    `guarded`, which the page has passed.

    Args:
        page: The page.
        name: The column that holds a record's time, in RFC 3339.
        bounds: The window.
        source: Where the page comes from, for the error.

    Raises:
        FatalVendorError: If a record has another text there.
    """

    def batches() -> Iterator[Any]:
        before = 0
        for block in page.batches:
            yield _inside(block, name, bounds, source, before)  # type: ignore[arg-type]
            before += len(block)

    return replace(page, batches=batches() if page.spooled else list(batches()))


def _inside(
    records: Sequence[Any], name: str, bounds: Window, source: str, before: int
) -> Sequence[Any]:
    times = list(_values(records, name))
    if not times:
        return records
    if not _are_sortable(times):
        times = [
            _sortable(time, f"record {number} of {source}")
            for number, time in enumerate(times, before + 1)
        ]
    start, end = format_instant(bounds.start), format_instant(bounds.end)
    if start <= min(times) and max(times) < end:
        return records
    return list(compress(records, [start <= time < end for time in times]))


def _are_sortable(times: Sequence[Any]) -> bool:
    """Whether all are texts of the one form that `format_instant` writes, by their separators."""
    try:
        text = "".join(times)
    except TypeError:
        return False
    return set(map(len, times)) == {LENGTH} and all(
        set(text[place::LENGTH]) == {sign} for place, sign in SEPARATORS.items()
    )


def _sortable(time: str, what: str) -> str:
    try:
        return format_instant(parse_instant(time))
    except (TypeError, ValueError):
        raise FatalVendorError(
            f"{what} has a time that is no RFC 3339 text; please report it"
        ) from None


def check(records: Sequence[Any], names: Iterable[str], source: str, before: int = 0) -> None:
    """Look at some records.

    Args:
        records: Structs of one type, or dicts.
        names: The columns that must be neither missing, nor null, nor an empty text.
        source: Where the records come from, for the error.
        before: How many came before them.

    Raises:
        FatalVendorError: If a record lacks one.
    """
    for name in names:
        if all(_values(records, name)):
            continue
        for number, value in enumerate(_values(records, name), before + 1):
            if value is None or value == "":
                raise FatalVendorError(
                    f"record {number} of {source} has no {quote_name(name)}, without which it "
                    "can't be sent; please report it"
                )


def _values(records: Sequence[Any], name: str) -> Iterable[Any]:
    """The values of one column; none is None where the records have no such column."""
    if not records:
        return ()
    kind = type(records[0])
    if issubclass(kind, msgspec.Struct):
        fields = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
        return map(attrgetter(fields[name]), records) if name in fields else [None] * len(records)
    return (record.get(name) for record in records)
