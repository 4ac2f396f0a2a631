"""Whatever a catalog looks like, nothing leaves that it doesn't select, in SCHEMA or RECORD."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError

from tap_eventexport.engine.page import Page
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors.croct.events import CroctEvents
from tests.conftest import END, START
from tests.engine.pages import begin, emit

if TYPE_CHECKING:
    import pytest

CONFIG = {
    "croct_api_key": "key",
    "start_date": START.isoformat(),
    "end_date": END.isoformat(),
}
CATALOG = json.loads(TapEventExport(config=CONFIG).catalog_json_text)
CATALOG["streams"] = CATALOG["streams"][:1]  # its events
KEYS = {"id", "timestamp"}
OBJECTS = ("payload", "context", "_extra")
NEW = {"phone", "mail"}  # which no catalog knows
TEXT = {"type": ["string", "null"]}

Breadcrumb = tuple[str, ...]

columns = st.sampled_from([*sorted(KEYS | NEW), "userId", "eventType", *OBJECTS])
inner = st.sampled_from(["a", "b", "phone"])
breadcrumbs: st.SearchStrategy[Breadcrumb] = st.tuples(st.just("properties"), columns) | st.tuples(
    st.just("properties"), st.sampled_from(OBJECTS), st.just("properties"), inner
)
objects = st.none() | st.dictionaries(inner, st.none() | st.dictionaries(inner, st.none()))


def catalog_with(
    changes: dict[Breadcrumb, bool], split_every: set[str], *, is_meltano: bool
) -> dict[str, Any]:
    """A catalog that selects or leaves out some properties.

    Args:
        changes: Which, by their breadcrumbs.
        cut: Columns that were taken out of the schema by hand.
        is_meltano: Whether it marks all others as left out, keys too, as Meltano does.
    """
    catalog: dict[str, Any] = deepcopy(CATALOG)
    (stream,) = catalog["streams"]
    for name in split_every:
        del stream["schema"]["properties"][name]
    entries = {tuple(entry["breadcrumb"]): entry["metadata"] for entry in stream["metadata"]}
    if is_meltano:
        for breadcrumb, entry in entries.items():
            entry["selected"] = not breadcrumb
    for breadcrumb, is_selected in changes.items():
        entries.setdefault(breadcrumb, {})["selected"] = is_selected
    stream["metadata"] = [
        {"breadcrumb": list(breadcrumb), "metadata": entry} for breadcrumb, entry in entries.items()
    ]
    return catalog


catalogs = st.builds(
    catalog_with,
    st.dictionaries(breadcrumbs, st.booleans(), max_size=8),
    st.sets(st.sampled_from(["userId", "payload", "_extra"])),
    is_meltano=st.booleans(),
)


def send(catalog: dict[str, Any], config: dict[str, Any], record: dict[str, Any]) -> None:
    """Write a record with new columns."""
    stream = TapEventExport(config={**CONFIG, **config}, catalog=catalog).streams["croct_events"]
    assert isinstance(stream, CroctEvents)
    stream.write_schema()
    page = Page([[record]], None, columns=dict.fromkeys(sorted(NEW), TEXT))
    emit(begin(stream), page)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(catalog=catalogs, values=st.tuples(objects, objects, objects), is_flat=st.booleans())
def test_nothing_leaves_that_is_not_selected(
    catalog: dict[str, Any],
    values: tuple[Any, ...],
    capsys: pytest.CaptureFixture[str],
    *,
    is_flat: bool,
) -> None:
    record = {"id": "a", "timestamp": "2026-03-01T00:00:00.000Z", "userId": "b"}
    record |= {**dict.fromkeys(NEW, "c"), **dict(zip(OBJECTS, values, strict=True))}
    capsys.readouterr()
    try:
        send(catalog, {"flattening_enabled": is_flat, "flattening_max_depth": 1}, record)
    except ConfigValidationError as error:
        assume("is a key and left out" not in str(error.errors))
        raise
    messages = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [message["record"] for message in messages if message["type"] == "RECORD"]
    found = {name: parsed(value) if name in OBJECTS else value for name, value in found.items()}
    schemas = [message["schema"] for message in messages if message["type"] == "SCHEMA"]
    assert schemas[-1]["properties"].keys() >= found.keys() >= KEYS
    names = {name for schema in schemas for name in schema["properties"]}
    check(catalog["streams"][0], names, found)


def parsed(value: Any) -> Any:
    """An object that flattening made text."""
    return json.loads(value) if isinstance(value, str) else value


def check(stream: dict[str, Any], names: set[str], record: dict[str, Any]) -> None:
    """Check that nothing is there that a catalog leaves out."""
    metadata = {tuple(entry["breadcrumb"]): entry["metadata"] for entry in stream["metadata"]}
    left_out = {crumb[1::2] for crumb, entry in metadata.items() if entry.get("selected") is False}
    left_out -= {(key,) for key in KEYS}
    missing = set(CATALOG["streams"][0]["schema"]["properties"])
    missing -= stream["schema"]["properties"].keys()
    for column, *fields in left_out:
        if fields:
            assert fields[0] not in (record.get(column) or {})
        else:
            assert column not in names
            assert column not in (record.get("_extra") or {})
    assert not missing & names
    assert names >= NEW or not NEW & names
    if left_out or missing:
        assert not NEW & names
