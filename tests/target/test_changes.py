"""A SCHEMA that grows or changes: columns are added or widened, and hold all values."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.errors import LoadError
from tests.target.loading import (
    ID,
    INSTANT,
    NUMBER,
    PROPERTIES,
    SCHEMA,
    ParquetPlace,
    PostgresPlace,
    load,
    of_record,
    record,
    schema,
)

if TYPE_CHECKING:
    from tests.target.loading import Place


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_a_schema_that_grows_adds_columns(place: Place, batch_rows: int) -> None:
    messages = [
        SCHEMA,
        record(id=1, text="a"),
        SCHEMA,
        schema({**PROPERTIES, "number": NUMBER, "value": {}}, "id"),
        record(id=2, text="b", number=1.5, value=[1]),
        SCHEMA,
        record(id=3, text="c"),
        record(id=2, text="b"),
    ]
    load(place, messages, batch_rows=batch_rows)
    first, second, third = place.read("events")
    assert first == {"id": 1, "text": "a", "number": None, "value": None}
    assert third == {"id": 3, "text": "c", "number": None, "value": None}
    assert (second["id"], second["text"]) == (2, "b")


def test_a_column_that_is_gone_stays(place: Place) -> None:
    load(place, [SCHEMA, record(id=1, text="a")])
    load(place, [schema({"id": ID}, "id"), record(id=2)])
    assert place.read("events") == [{"id": 1, "text": "a"}, {"id": 2, "text": None}]


KINDS: dict[str, tuple[Any, Any, Any]] = {  # a schema, a value, and the value as a text
    "integer": (ID, 5, "5"),
    "decimal": ({"type": "number", "multipleOf": 0.1}, 2.5, "2.5"),
    "number": ({"type": "number"}, 0.1, "0.1"),
    "boolean": ({"type": "boolean"}, True, "true"),
    "text": ({"type": "string"}, "a b", "a b"),
    "instant": (INSTANT, "2026-01-01T00:00:00Z", "2026-01-01 00:00:00+00"),
    "date": ({"type": "string", "format": "date"}, "2026-01-01", "2026-01-01"),
    "JSON": ({"type": ["object", "string"]}, {"a": 1}, '{"a": 1}'),
}


def test_columns_whose_kinds_change_hold_all_values(place: Place) -> None:
    pairs = [*itertools.product(KINDS, KINDS)]
    if isinstance(place, ParquetPlace):
        pairs.remove(("text", "JSON"))
    names = {f"{first} {second}": (KINDS[first], KINDS[second]) for first, second in pairs}
    begin = schema({"id": ID, **{name: first[0] for name, (first, _) in names.items()}}, "id")
    then = schema({"id": ID, **{name: second[0] for name, (_, second) in names.items()}}, "id")
    firsts = of_record({"id": 1, **{name: first[1] for name, (first, _) in names.items()}})
    seconds = of_record({"id": 2, **{name: second[1] for name, (_, second) in names.items()}})
    load(place, [begin, firsts])
    for _ in range(2):
        load(place, [then, seconds])
        one, other = place.read("events")
        for name, (first, second) in names.items():
            assert same(one[name], *first[1:]), (name, one[name])
            assert same(other[name], *second[1:]), (name, other[name])


def test_files_with_text_can_not_be_read_with_files_with_json(in_parquet: ParquetPlace) -> None:
    load(in_parquet, [SCHEMA, record(id=1, text="a")])
    with pytest.raises(LoadError, match="column text is text in the files so far, and JSON now"):
        load(in_parquet, [schema({"id": ID, "text": {}}, "id"), record(id=2, text={})])
    assert in_parquet.read("events") == [{"id": 1, "text": "a"}]


def same(found: Any, value: Any, text: str) -> bool:
    """Whether a value of a column of any kind is a value that was sent."""
    if isinstance(found, str) and isinstance(value, str) and value.startswith("2026"):
        return found.replace(" ", "T").replace("Z", "").startswith("2026-01-01")
    if isinstance(found, str):
        return found == text or float_of(found) == value
    if isinstance(found, Decimal) and isinstance(value, float):
        return found == Decimal(text)
    if isinstance(found, datetime):
        return found == datetime(2026, 1, 1, tzinfo=UTC)
    return bool(found == value) or str(found) == value


def float_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_a_number_that_is_too_wide_widens_its_column(place: Place, batch_rows: int) -> None:
    properties = {"id": ID, "a": {"type": "integer"}, "b": {"type": "number"}}
    rows = [(1, 0.1), (2**63, 1e-20), (3, 2**53 + 1), (-(10**40), 1e300)]
    records = [record(id=number, a=a, b=b) for number, (a, b) in enumerate(rows)]
    load(place, [schema(properties, "id"), *records], batch_rows=batch_rows)
    found = [(Decimal(row["a"]), Decimal(row["b"])) for row in place.read("events")]
    assert found == [(Decimal(a), Decimal(repr(b))) for a, b in rows]


def test_a_double_that_looks_like_an_integer_widens_nothing(database: PostgresPlace) -> None:
    load(
        database,
        [schema({"id": ID, "a": NUMBER}, "id"), record(id=1, a=10**22), record(id=2, a=1e-7)],
    )
    assert [row["a"] for row in database.read("events")] == [1e22, 1e-7]
    assert isinstance(database.read("events")[0]["a"], float)


@pytest.mark.parametrize("kind", ["instant", "number", "decimal", "JSON"])
def test_a_key_whose_texts_would_be_compared_does_not_change(place: Place, kind: str) -> None:
    definition, value, _ = KINDS[kind]
    load(place, [schema({"id": definition}, "id"), record(id=value)])
    text = [schema({"id": {"type": "string"}}, "id"), record(id="a")]
    is_text = kind == "decimal" and not isinstance(place, PostgresPlace)
    if kind == "JSON" or is_text:  # JSON holds texts, too
        load(place, text)
        assert len(place.read("events")) == 2
        return
    with pytest.raises(LoadError, match="the same key would be there twice"):
        load(place, text)
