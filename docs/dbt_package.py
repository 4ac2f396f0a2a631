"""Makes the files of the dbt package that say what the tap's streams are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEAD = "# Made by bin/documents from the tap's schemas.\n"
MACRO_HEAD = """\
{#-
    Made by bin/documents from the tap's schemas: each stream's key, the columns that say when it
    happened, the time by which newer rows are told, and its columns, each with its name and kind
    here. A stream that is growing has columns of its vendor's account, too.
-#}
"""
RESERVED = {"user": "user_name", "window": "session_window"}  # words of SQL in some warehouse
GROWING = {"dfinery_events", "dfinery_user_profiles"}
HAPPENED = {  # where the replication key is the time of arrival
    "dfinery_events": ["df_event_datetime", "df_correction_datetime", "df_server_datetime"],
}
FRESHNESS = (24, 72)  # hours without a new record until a warning and until an error
OTHER_FRESHNESS = {
    "happytalk_service_history": (72, 168),
    "happytalk_siem_events": (72, 168),
    "croct_events": (6, 24),
    "croct_sessions": (6, 24),
    "croct_users": (72, 168),
    "ncp_apigateway_events": (168, 720),  # alarms, and few of them
}
RELATIONS = {  # the stream and column that a column belongs to
    ("croct_events", "sessionId"): ("croct_sessions", "sessionId"),
    ("croct_events", "userId"): ("croct_users", "userId"),
    ("croct_sessions", "userId"): ("croct_users", "userId"),
    ("infobip_events", "definitionId"): ("infobip_event_definitions", "definitionId"),
}
SOURCE = {
    "name": "eventexport",
    "description": "What tap-eventexport's loader has written.",
    "database": "{{ var('tap_eventexport_database', none) or target.database }}",
    "schema": (
        "{{ (var('tap_eventexport_schemas', []) or [var('tap_eventexport_schema', 'events') "
        "or ('main' if target.type == 'duckdb' else 'public')])[0] }}"
    ),
}
FORMATS = {"date-time": "instant", "date": "date"}
KINDS = {"number": "number", "integer": "integer", "boolean": "boolean"}

Stream = Any  # a class of a vendor
Definition = dict[str, Any]


def model_name(stream: str) -> str:
    """Return the name of a stream's model: croct_events becomes stg_croct__events."""
    vendor, _, noun = stream.partition("_")
    return f"stg_{vendor}__{noun}"


def column_name(name: str) -> str:
    """Return a vendor's name as a column of the models: eventType becomes event_type."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return RESERVED.get(snake, snake)


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return what a column holds, in the words of the package's macros."""
    (kind,) = set(schema["type"]) - {"null"}
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), "text")
    return KINDS.get(kind, "json")


def streams_macro(streams: Iterable[Stream]) -> str:
    """Return the macro that knows the streams, `dbt/macros/streams.sql`."""
    entries = "".join(map(_entry, streams))
    begin, end = "{% macro streams() %}\n    {{- return({\n", "    }) -}}\n{% endmacro %}\n"
    return f"{MACRO_HEAD}{begin}{entries}{end}"


def _entry(stream: Stream) -> str:
    time = stream.replication_key
    columns = "".join(
        f"                {name!r}: [{column_name(name)!r}, {kind_of(schema)!r}],\n"
        for name, schema in _columns(stream)
    )
    (key,) = stream.primary_keys
    return (
        f"        {stream.name!r}: {{\n"
        f"            'key': {key!r},\n"
        f"            'happened': {_happened(stream)},\n"
        f"            'time': {repr(time) if time else 'none'},\n"
        f"            'is_growing': {'true' if stream.name in GROWING else 'false'},\n"
        f"            'columns': {{\n{columns}            }},\n"
        "        },\n"
    )


def _columns(stream: Stream) -> Iterable[tuple[str, Mapping[str, Any]]]:
    properties: Mapping[str, Mapping[str, Any]] = stream.columns.to_dict()["properties"]
    return properties.items()


def _happened(stream: Stream) -> list[str]:
    time = stream.replication_key
    return HAPPENED.get(stream.name) or ([column_name(time)] if time else [])


def sources(streams: Iterable[Stream]) -> Definition:
    """Return the sources, `dbt/models/staging/sources.yml`."""
    return {"version": 2, "sources": [{**SOURCE, "tables": [*map(_table, streams)]}]}


def _sentence(stream: Stream) -> str:
    return f"{stream.record[0].upper()}{stream.record[1:]}."


def _table(stream: Stream) -> Definition:
    table = {"name": stream.name, "description": _sentence(stream)}
    if stream.replication_key:
        warn, error = OTHER_FRESHNESS.get(stream.name, FRESHNESS)
        table["config"] = {
            "loaded_at_query": f"{{{{ tap_eventexport.newest_loaded('{stream.name}') }}}}",
            "freshness": {
                "warn_after": {"count": warn, "period": "hour"},
                "error_after": {"count": error, "period": "hour"},
            },
        }
    columns = [{**_described(name, schema), "quote": True} for name, schema in _columns(stream)]
    return {**table, "columns": columns}


def _described(name: str, schema: Mapping[str, Any]) -> Definition:
    return {"name": name, "description": schema.get("description", "")}


def models(streams: Iterable[Stream]) -> dict[str, str]:
    """Return the query of each model, by its file in `dbt/models/staging`."""
    return {
        f"{_vendor(stream)}/{model_name(stream.name)}.sql": (
            f"{{{{ tap_eventexport.staged('{stream.name}') }}}}\n"
        )
        for stream in streams
    }


def described_models(streams: Iterable[Stream]) -> dict[str, Definition]:
    """Return what is said of each vendor's models, and their tests, by file."""
    found: dict[str, Definition] = {}
    for stream in streams:
        vendor = _vendor(stream)
        described = found.setdefault(f"{vendor}/{vendor}.yml", {"version": 2, "models": []})
        described["models"].append(_model(stream))
    return found


def _vendor(stream: Stream) -> str:
    prefix: str = stream.name.partition("_")[0]
    return prefix


def _model(stream: Stream) -> Definition:
    (key,) = map(column_name, stream.primary_keys)
    name = model_name(stream.name)
    unique = {
        "name": f"unique_{name}",
        "arguments": {"column_name": f"source_schema || '/' || {key}"},
    }
    columns = [
        {"name": "source_schema", "description": "the schema that the loader wrote it to"},
        *(_column(stream, name, schema) for name, schema in _columns(stream)),
    ]
    if happened := _happened(stream):
        zone = "in the time zone of the variable tap_eventexport_timezone"
        told = f"the day of {' or '.join(happened)}, {zone}"
        columns.append({"name": "business_date", "description": told})
    return {
        "name": name,
        "description": f"{_sentence(stream)} Each is here once.",
        "data_tests": [{"unique": unique}],
        "columns": columns,
    }


def _column(stream: Stream, name: str, schema: Mapping[str, Any]) -> Definition:
    column = _described(column_name(name), schema)
    if tests := [*_tests(stream, name, schema)]:
        column["data_tests"] = tests
    return column


def _tests(stream: Stream, name: str, schema: Mapping[str, Any]) -> Iterator[str | Definition]:
    if name in (*stream.primary_keys, stream.replication_key):
        yield "not_null"
    place = f"{model_name(stream.name)}_{column_name(name)}"
    if values := schema.get("examples"):
        yield {"accepted_values": _warning(f"documented_{place}", values=values)}
    if relation := RELATIONS.get((stream.name, name)):
        to, field = relation
        test = _warning(f"known_{place}", to=f"ref('{model_name(to)}')", field=column_name(field))
        yield {"tap_eventexport.known_if_loaded": test}


def _warning(name: str, **arguments: Any) -> Definition:  # noqa: ANN401 - what a test takes
    return {"name": name, "arguments": arguments, "config": {"severity": "warn"}}
