"""No record leaves without its key, nor without the time that bookmarks are about.

A loader dies of a key that is null, and writes records over each other whose keys are empty.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.names import shown_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tap_eventexport.engine.page import Page


def guarded(page: Page, names: Collection[str], source: str) -> Page:
    """A page whose blocks are looked at: now if they are in memory, else as they come.

    Args:
        page: The page.
        names: The columns that each record must have.
        source: Where the page comes from, for the error.

    Raises:
        FatalVendorError: If a record lacks one.
    """

    def blocks() -> Iterator[Any]:
        before = 0
        for block in page.blocks:
            check(block, names, source, before)  # type: ignore[arg-type]  # not encoded yet
            before += len(block)
            yield block

    return replace(page, blocks=blocks() if page.spooled else list(blocks()))


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
                    f"record {number} of {source} has no {shown_name(name)}, without which it "
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
