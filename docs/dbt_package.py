"""Makes the files of the dbt package that say what the tap's streams are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STREAMS_HEAD = """\
{#-
    Made by bin/documents from the tap's schemas: each stream's key, the columns that say when it
    happened and by which newer rows are told, and its columns, each with its name and kind here.
    A stream that is growing has columns that its vendor's account has defined.
-#}
"""
RESERVED = {"user": "user_name", "window": "session_window"}  # words of SQL in some warehouse
HAPPENED = {  # where the replication key is the time of arrival
    "dfinery_events": ["df_event_datetime", "df_correction_datetime", "df_server_datetime"],
}
GROWING = {"dfinery_events", "dfinery_user_profiles"}
FORMATS = {"date-time": "instant", "date": "date"}
KINDS = {"number": "number", "integer": "integer", "boolean": "boolean"}

Stream = Any  # a class of a vendor


def snake_case(name: str) -> str:
    """Return a name of a vendor as a column of the models: eventType becomes event_type."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return RESERVED.get(snake, snake)


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return what a column holds, in the words of the package's macros."""
    (kind,) = set(schema["type"]) - {"null"}
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), "text")
    return KINDS.get(kind, "json")


def streams_macro(streams: Iterable[Stream]) -> str:
    """dbt/macros/streams.sql.

    Args:
        streams: The streams' classes.
    """
    entries = "".join(map(_entry, streams))
    return (
        f"{STREAMS_HEAD}{{% macro streams() %}}\n    {{{{- return({{\n{entries}    }}) -}}}}\n"
        "{% endmacro %}\n"
    )


def _entry(stream: Stream) -> str:
    time = stream.replication_key
    happened = HAPPENED.get(stream.name) or ([snake_case(time)] if time else [])
    columns = "".join(
        f"                {name!r}: [{snake_case(name)!r}, {kind_of(schema)!r}],\n"
        for name, schema in stream.columns.to_dict()["properties"].items()
    )
    (key,) = stream.primary_keys
    return (
        f"        {stream.name!r}: {{\n"
        f"            'key': {key!r},\n"
        f"            'happened': {happened},\n"
        f"            'replicated': {[time] if time else []},\n"
        f"            'is_growing': {'true' if stream.name in GROWING else 'false'},\n"
        f"            'columns': {{\n{columns}            }},\n"
        "        },\n"
    )
