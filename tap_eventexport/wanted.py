"""Compares the catalog and stream maps with the streams, before a run begins."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

from singer_sdk.exceptions import ConfigValidationError

from tap_eventexport.engine.names import quote_name, quote_names
from tap_eventexport.engine.singer.transform import maps_of_nothing, unknown_removals
from tap_eventexport.schema_errors import meant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    from tap_eventexport.engine.stream import EventStream


def problems(selected: Sequence[EventStream]) -> list[str]:
    """Return a line for each request of the catalog or stream maps that can't be met.

    Stream maps of streams that aren't selected have no effect, so they aren't made.
    """
    found: list[str] = []
    for stream in selected:
        try:
            stream.check_keys()
            stream.make_maps()
        except ConfigValidationError as error:
            found.extend(error.errors)
    if found:
        return found
    names = Counter(transform.name for stream in selected for transform in stream.transforms)
    return [
        f"stream_maps: {count} streams have the name {name}; expected different names"
        for name, count in names.items()
        if count > 1
    ]


def warnings(
    kinds: Sequence[type[EventStream]],
    streams: Sequence[EventStream],
    catalog: Collection[str] | None,
    maps: Mapping[str, Any],
) -> Iterator[str]:
    """Yield a line for each request that has no effect.

    Args:
        kinds: The streams of all vendors.
        streams: The streams of the configured vendors.
        catalog: The names of streams in the catalog, if there is one.
        maps: The setting stream_maps.
    """
    selected = [stream for stream in streams if stream.selected]
    names = {stream.name for stream in streams}
    if others := set(catalog or ()) - names:
        yield f"the catalog has streams that no configured vendor has: {quote_names(others)}"
    if catalog is not None and (unlisted := names - set(catalog)):
        yield f"these streams aren't in the catalog, so they aren't read: {quote_names(unlisted)}"
    known = list(map(attrgetter("name"), kinds))
    for name in maps_of_nothing(known, maps):
        yield (
            f"stream_maps: {quote_name(name)} is not a stream, so its map has no effect"
            f"{meant(name, known)}"
        )
    for stream in (each for each in selected if not each.is_growing):
        if removed := unknown_removals(stream.name, maps, stream.sent_columns):
            yield f"stream_maps: {stream.name} has no column {quote_names(removed)} to remove"
    if not selected:
        yield f"no stream is selected, so nothing is read; choose from {quote_names(names)}"
