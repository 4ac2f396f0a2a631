"""What a catalog doesn't select doesn't leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.singerlib.catalog import MetadataMapping

from tap_eventexport.engine.singer.patterns import Patterns
from tap_eventexport.engine.singer.selection import Selection, property_path

TEXT = {"type": ["string", "null"]}
OPEN = {"type": ["object", "null"], "additionalProperties": True}
COLUMNS = {"id": TEXT, "name": TEXT, "phone": TEXT, "payload": OPEN, "_extra": OPEN}
KEYS = {"id"}
AUTOMATIC = {"inclusion": "automatic"}
AVAILABLE = {"inclusion": "available"}
LISTED = {"id": AUTOMATIC, "name": AVAILABLE, "phone": AVAILABLE, "payload": AVAILABLE}


def breadcrumb(name: str) -> list[str]:
    return [crumb for part in name.split(".") for crumb in ("properties", part)]


def selection(
    entries: dict[str, dict[str, Any]],
    columns: dict[str, Any] = COLUMNS,
    patterns: Patterns | None = None,
) -> Selection:
    """A selection by a catalog whose metadata has these entries, by names such as `payload.x`."""
    metadata = [{"breadcrumb": [], "metadata": {"selected": True}}]
    metadata += [{"breadcrumb": breadcrumb(name), "metadata": entries[name]} for name in entries]
    return Selection(
        {"type": "object", "properties": columns},
        MetadataMapping.from_iterable(metadata),
        columns=COLUMNS,
        keys=KEYS,
        patterns=patterns,
    )


def selected(found: Selection, *names: str) -> list[str]:
    return [name for name in names if found.allows((name,))]


def fields(found: Selection, record: dict[str, Any]) -> dict[str, Any]:
    found.select_fields(record)
    return record


def discovered(**changes: Any) -> dict[str, dict[str, Any]]:
    """The metadata of discovery, with these properties selected or not."""
    entries: dict[str, dict[str, Any]] = {**LISTED, "_extra": AVAILABLE}
    for name, is_selected in changes.items():
        entries[name] = {**entries.get(name, AVAILABLE), "selected": is_selected}
    return entries


def made_by_meltano(*chosen: str) -> dict[str, dict[str, Any]]:
    return discovered(**{name: name in chosen for name in COLUMNS})


@pytest.mark.parametrize(
    ("crumbs", "path"),
    [
        ([], ()),
        (["properties", "a"], ("a",)),
        (["properties", "properties", "properties", "items"], ("properties", "items")),
        (["properties", "a", "items", "items", "properties", "b"], ("a", "b")),
    ],
)
def test_names_in_a_breadcrumb(crumbs: list[str], path: tuple[str, ...]) -> None:
    assert property_path(crumbs) == path


@pytest.mark.parametrize(
    "crumbs", [["a"], ["properties"], ["items"], ["properties", "a", "b"], ["properties", "a", ""]]
)
def test_other_breadcrumbs(crumbs: list[str]) -> None:
    with pytest.raises(ValueError, match="not properties"):
        property_path(crumbs)


@pytest.mark.parametrize(
    "entries", [{}, discovered(), discovered(**dict.fromkeys(COLUMNS, True)), {"id": AUTOMATIC}]
)
def test_where_all_is_selected_new_columns_are_too(entries: dict[str, dict[str, Any]]) -> None:
    found = selection(entries)
    assert found.is_all
    assert found.allows(("new",))
    assert not found.knows("new")


@pytest.mark.parametrize(
    ("entries", "columns", "names"),
    [
        (discovered(phone=False), COLUMNS, ["id", "name", "payload", "_extra"]),
        (made_by_meltano("name"), COLUMNS, ["id", "name"]),
        (made_by_meltano(), COLUMNS, ["id"]),
        ({"phone": {"selected": False}}, COLUMNS, ["id", "name", "payload", "_extra"]),
        ({"unseen": {"selected": False}}, COLUMNS, [*COLUMNS]),
        ({"phone": {"inclusion": "unsupported"}}, COLUMNS, ["id", "name", "payload", "_extra"]),
        ({"phone": {"selected-by-default": False}}, COLUMNS, ["id", "name", "payload", "_extra"]),
        ({"name": {"selected": True}}, COLUMNS, ["id", "name"]),
        (LISTED, COLUMNS, ["id", "name", "phone", "payload"]),
        (discovered(), {"id": TEXT, "name": TEXT}, ["id", "name"]),
        ({}, {"id": TEXT, "name": TEXT}, ["id", "name"]),
        ({"payload.email": {"selected": False}}, COLUMNS, [*COLUMNS]),
    ],
)
def test_where_not_all_is_selected_new_columns_are_not(
    entries: dict[str, dict[str, Any]], columns: dict[str, Any], names: list[str]
) -> None:
    found = selection(entries, columns)
    assert not found.is_all
    assert selected(found, *COLUMNS, "new", "unseen") == names
    schema = {"type": "object", "properties": columns, "required": ["id", "phone"]}
    kept = [name for name in names if name in columns]
    chosen = found.select_schema(schema)
    assert list(chosen["properties"]) == kept
    assert chosen["required"] == [name for name in ("id", "phone") if name in kept]


def test_a_schema_that_is_closed_takes_no_new_column() -> None:
    schema = {"properties": COLUMNS, "additionalProperties": False}
    found = Selection(schema, MetadataMapping(), COLUMNS, KEYS)
    assert not found.allows(("new",))


@pytest.mark.parametrize(
    ("entries", "payload"),
    [
        ({"payload.a": {"selected": False}}, {"b": {"a": 1}, "list": [{"a": 2}]}),
        ({"payload.b.a": {"selected": False}}, {"a": 1, "b": {}, "list": [{"a": 2}]}),
        ({"payload.list.a": {"selected": False}}, {"a": 1, "b": {"a": 1}, "list": [{}]}),
        ({"payload.a": {"selected": True}}, {"a": 1}),
        ({"payload.b.a": {"selected": True}}, {"b": {"a": 1}}),
        (
            {"payload.a": {"selected": False}, "payload.b": {"selected": True}},
            {"b": {"a": 1}},
        ),
        ({"payload": {"selected": False}, "payload.a": {"selected": True}}, None),
    ],
)
def test_fields_inside_a_column(entries: dict[str, dict[str, Any]], payload: object) -> None:
    entries = {**discovered(), **entries}
    if "payload.b.a" in entries and entries["payload.b.a"]["selected"]:
        entries["payload.b"] = {"selected": True}
    found = selection(entries)
    record = {"payload": {"a": 1, "b": {"a": 1}, "list": [{"a": 2}]}}
    if payload is None:
        assert not found.allows(("payload",))
    else:
        assert fields(found, record) == {"payload": payload}
    assert not found.allows(("new",))


def test_fields_that_a_schema_declares() -> None:
    inner = {"a": TEXT, "b": TEXT}
    payload = {"type": "object", "properties": inner, "required": ["a", "b"]}
    columns = {**COLUMNS, "payload": payload, "list": {"type": "array", "items": payload}}
    everything = dict.fromkeys(("payload.a", "payload.b"), AVAILABLE)
    values = {"a": 1, "b": 2, "c": 3}
    whole = selection({**discovered(), "list": AVAILABLE, **everything}, columns)
    assert whole.is_all
    part = selection(
        {**discovered(), "list": AVAILABLE, **everything, "payload.b": {"selected": False}}, columns
    )
    assert fields(part, {"payload": {**values}}) == {"payload": {"a": 1}}
    unlisted = selection({**discovered(), "payload.a": AVAILABLE}, columns)
    assert fields(unlisted, {"payload": {**values}}) == {"payload": {"a": 1}}
    chosen = part.select_schema({"type": "object", "properties": columns})
    assert chosen["properties"]["payload"] == {
        "type": "object",
        "properties": {"a": TEXT},
        "required": ["a"],
    }
    closed = {**columns, "payload": {**payload, "additionalProperties": False}}
    only = selection({**discovered(), "list": AVAILABLE, **everything}, closed)
    assert fields(only, {"payload": {**values}}) == {"payload": {"a": 1, "b": 2}}
    entries = {**discovered(), "list": AVAILABLE, "list.a": {"selected": False}}
    dropped = selection(entries, columns)
    chosen = dropped.select_schema({"type": "object", "properties": columns})
    assert [*chosen["properties"]["list"]["items"]["properties"]] == ["b"]


def test_what_would_be_a_column_is_left_out_of_extra_fields_too() -> None:
    found = selection({**discovered(), "mail": {"selected": False}})
    record = {"_extra": {"mail": 1, "other": {"mail": 2}}, "payload": {"mail": 3}}
    assert fields(found, record) == {
        "_extra": {"other": {"mail": 2}},
        "payload": {"mail": 3},
    }
    patterns = Patterns(("*",), ("mail",))
    found = selection(discovered(**dict.fromkeys(COLUMNS, True)), patterns=patterns)
    assert fields(found, {"_extra": {"mail": 1, "x": 2}}) == {"_extra": {"x": 2}}


@pytest.mark.parametrize(
    ("entries", "columns", "patterns", "names"),
    [
        (made_by_meltano(*COLUMNS), COLUMNS, Patterns(("*",)), ["new", "other"]),
        (made_by_meltano(*COLUMNS), COLUMNS, Patterns(("*",), ("new",)), ["other"]),
        (made_by_meltano("name"), COLUMNS, Patterns(("n*",)), ["new"]),
        (made_by_meltano("name"), COLUMNS, Patterns(("name",)), []),
        # An earlier version didn't know all columns; "*" means them too.
        (made_by_meltano(*LISTED), {"id": TEXT, "name": TEXT}, Patterns(("*",)), []),
        # Somebody else made these: patterns of no effect on them widen nothing.
        (made_by_meltano("name"), COLUMNS, Patterns(("*",)), []),
        (discovered(phone=False), COLUMNS, Patterns(("*",), ("phone",)), []),
        (discovered(), COLUMNS, Patterns(("*",), ("new",)), ["other"]),
    ],
)
def test_meltanos_patterns_say_what_the_catalog_cannot(
    entries: dict[str, dict[str, Any]],
    columns: dict[str, Any],
    patterns: Patterns,
    names: list[str],
) -> None:
    found = selection(entries, columns, patterns)
    assert selected(found, "new", "other") == names


def test_a_catalog_of_an_earlier_version() -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != "_extra"}
    entries = {name: {**LISTED[name], "selected": True} for name in columns}
    assert selection(entries, columns, Patterns(("*",))).is_all
    assert selected(selection(entries, columns, Patterns(("*",))), "_extra") == ["_extra"]
    assert selected(selection(entries, columns), "_extra") == []


def test_patterns_reach_inside() -> None:
    entries = made_by_meltano(*COLUMNS)
    found = selection(entries, patterns=Patterns(("*",), ("payload.email", "*.phone")))
    record = {"phone": "1", "payload": {"email": 1, "total": {"phone": 2, "sum": 3}}}
    assert not found.is_all
    assert fields(found, record) == {"phone": "1", "payload": {"total": {"sum": 3}}}
    only = selection(made_by_meltano("payload"), patterns=Patterns(("payload.total.sum",)))
    record = {"payload": {"email": 1, "total": {"phone": 2, "sum": 3}}}
    assert fields(only, record) == {"payload": {"total": {"sum": 3}}}


@pytest.mark.parametrize(
    ("entries", "columns", "patterns", "keys"),
    [
        (discovered(), COLUMNS, None, []),
        (discovered(id=False), COLUMNS, None, ["id"]),
        (discovered(id=False, phone=False), COLUMNS, None, ["id"]),
        ({"id": {"selected": False}}, COLUMNS, None, ["id"]),
        (discovered(), {"name": TEXT}, None, ["id"]),
        (made_by_meltano("name", "phone", "payload", "_extra"), COLUMNS, None, ["id"]),
        (made_by_meltano("name"), COLUMNS, None, []),
        (made_by_meltano(), COLUMNS, None, []),
        ({**made_by_meltano("name"), "id": {"selected": False}}, COLUMNS, None, ["id"]),
        (
            made_by_meltano("name", "phone", "payload", "_extra"),
            COLUMNS,
            Patterns(("name", "phone", "payload", "_extra")),
            [],
        ),
        (
            made_by_meltano("name", "phone", "payload", "_extra"),
            COLUMNS,
            Patterns(("*",), ("id",)),
            ["id"],
        ),
    ],
)
def test_a_key_that_is_left_out_on_purpose(
    entries: dict[str, dict[str, Any]],
    columns: dict[str, Any],
    patterns: Patterns | None,
    keys: list[str],
) -> None:
    assert list(selection(entries, columns, patterns).deselected_keys()) == keys


def test_names_that_are_data_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_eventexport.engine.singer.selection.MAX_CACHED_PATHS", 10)
    found = selection({**discovered(), "payload.x5": {"selected": False}})
    record = {"payload": {f"x{number}": 1 for number in range(100)}}
    assert len(fields(found, record)["payload"]) == 99
    assert len(found._cache) <= 10  # noqa: SLF001


names = st.sampled_from(["a", "b", "c", "d"])
values: st.SearchStrategy[Any] = st.recursive(
    st.integers(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner)
)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
flags = st.fixed_dictionaries(
    {},
    optional={
        "selected": st.none() | st.booleans(),
        "inclusion": st.sampled_from(["available", "automatic", "unsupported"]),
    },
)


@given(
    columns=st.sets(names),
    entries=st.dictionaries(paths, flags, max_size=6),
    record=st.dictionaries(names, values, max_size=4),
    patterns=st.none()
    | st.builds(
        Patterns,
        st.lists(st.sampled_from(["*", "a", "b.*", "c.a"])).map(tuple),
        st.lists(st.sampled_from(["a", "b", "*.c", "c.*", "?"])).map(tuple),
    ),
)
def test_nothing_deselected_leaves(
    columns: set[str],
    entries: dict[tuple[str, ...], dict[str, Any]],
    record: dict[str, Any],
    patterns: Patterns | None,
) -> None:
    """Whatever the catalog: no path in a record, nor in the schema, that it deselects."""
    schema = {"type": "object", "properties": dict.fromkeys(columns, OPEN)}
    named = {".".join(path): entry for path, entry in entries.items()}
    metadata = [{"breadcrumb": [], "metadata": {"selected": True}}]
    metadata += [{"breadcrumb": breadcrumb(name), "metadata": named[name]} for name in named]
    mapping = MetadataMapping.from_iterable(metadata)
    found = Selection(schema, mapping, columns={"a", "b"}, patterns=patterns)
    mask = mapping.resolve_selection()
    sent = {name: value for name, value in record.items() if found.allows((name,))}
    found.select_fields(sent)
    everywhere = {
        *_paths(sent, ()),
        *((name,) for name in found.select_schema(schema)["properties"]),
    }
    for path in everywhere:
        assert mask[tuple(breadcrumb(".".join(path)))]
        if path[0] not in columns:
            assert patterns is None or patterns.select(path)
    if found.is_all:
        assert sent == record


def _paths(value: object, path: tuple[str, ...]) -> set[tuple[str, ...]]:
    if isinstance(value, list):
        return {inner for item in value for inner in _paths(item, path)}
    if isinstance(value, dict):
        inner = [_paths(item, (*path, name)) for name, item in value.items()]
        return {(*path, name) for name in value}.union(*inner)
    return set()
