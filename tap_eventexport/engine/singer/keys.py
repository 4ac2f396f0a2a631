"""Checks that every record has its keys, and drops records outside the requested time.

A loader fails on a null key, and overwrites records that have an empty key. Vendors differ in
whether the ends of a window are inclusive, and some ignore the window in part.
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
    """Check a page's batches for keys: now if they are in memory, else while they are read.

    Args:
        page: The page.
        names: The columns that each record must have.
        source: Where the page comes from, for the error.

    Raises:
        FatalVendorError: If a record lacks one.
    """

    def batches() -> Iterator[Any]:
        before = 0
        for batch in page.batches:
            check(batch, names, source, before)
            before += len(batch)
            yield batch

    return replace(page, batches=batches() if page.disk_bytes else list(batches()))


def inside(page: Page, name: str, bounds: Window, source: str) -> Page:
    """Return a page without the records whose time is outside a window.

    A record at the window's start is inside, one at its end is not. The page must have passed
    `checked`; batches are read as there.

    Args:
        page: The page.
        name: The column that holds a record's time, in RFC 3339.
        bounds: The window.
        source: Where the page comes from, for the error.

    Raises:
        FatalVendorError: If a record's time is another text.
    """

    def batches() -> Iterator[Any]:
        before = 0
        for batch in page.batches:
            yield _inside(batch, name, bounds, source, before)
            before += len(batch)

    return replace(page, batches=batches() if page.disk_bytes else list(batches()))


def _inside(
    records: Sequence[Any], name: str, bounds: Window, source: str, before: int
) -> Sequence[Any]:
    times = sortable_times(records, name, source, before)
    start, end = format_instant(bounds.start), format_instant(bounds.end)
    if not times or (start <= min(times) and max(times) < end):
        return records
    return list(compress(records, [start <= time < end for time in times]))


def sortable_times(
    records: Sequence[Any], name: str, source: str, before: int = 0
) -> Sequence[str]:
    """Return the records' times as `format_instant` writes them, which sort as texts.

    Args:
        records: The records, which have passed `check`.
        name: The column that holds a record's time, in RFC 3339.
        source: Where the records come from, for the error.
        before: The number of records before them.

    Raises:
        FatalVendorError: If a record's time is another text.
    """
    times = list(values_of(records, name))
    if not times or _are_sortable(times):
        return times
    return [
        _sortable(time, f"record {number} of {source}")
        for number, time in enumerate(times, before + 1)
    ]


def _are_sortable(times: Sequence[Any]) -> bool:
    """Whether all are texts in the form that `format_instant` writes, judged by separators."""
    try:
        text = "".join(times)
    except TypeError:
        return False
    return set(map(len, times)) == {LENGTH} and all(
        text[index::LENGTH] == sign * len(times) for index, sign in SEPARATORS.items()
    )


def _sortable(time: str, what: str) -> str:
    try:
        return format_instant(parse_instant(time))
    except (TypeError, ValueError):
        raise FatalVendorError(
            f"{what} has a time that is not in RFC 3339; please report it"
        ) from None


def check(records: Sequence[Any], names: Iterable[str], source: str, before: int = 0) -> None:
    """Check that records have their keys.

    Args:
        records: Structs of one type, or dicts.
        names: The columns that must not be missing, null or an empty text.
        source: Where the records come from, for the error.
        before: The number of records before them.

    Raises:
        FatalVendorError: If a record lacks one.
    """
    for name in names:
        if all(values_of(records, name)):
            continue
        for number, value in enumerate(values_of(records, name), before + 1):
            if value is None or value == "":
                raise FatalVendorError(
                    f"record {number} of {source} has no {quote_name(name)}, so it can't be "
                    "sent; please report it"
                )


def values_of(records: Sequence[Any], name: str) -> Iterable[Any]:
    """Return the values of one column; all None if the records don't have it."""
    if not records:
        return ()
    kind = type(records[0])
    if issubclass(kind, msgspec.Struct):
        fields = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
        return map(attrgetter(fields[name]), records) if name in fields else [None] * len(records)
    return (record.get(name) for record in records)
