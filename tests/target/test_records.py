"""Records are read, checked and encoded as rows of CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_eventexport.cells import TooWideError
from target_eventexport.columns import Kind, columns_of
from target_eventexport.errors import LoadError, NoKeyError
from target_eventexport.records import Records

TEXT = {"type": ["string", "null"]}
INTEGER = {"type": ["integer", "null"]}
NUMBER = {"type": ["number", "null"]}
DECIMAL = {"type": ["number", "null"], "multipleOf": 1e-20}
BOOLEAN = {"type": ["boolean", "null"]}
INSTANT = {"type": ["string", "null"], "format": "date-time"}
DATE = {"type": ["string", "null"], "format": "date"}
JSON: dict[str, Any] = {}


class One:
    """Records of one property `a`."""

    def __init__(self, definition: Any, *, is_validated: bool = True, **more: Any) -> None:
        schema = {"properties": {"a": definition}, **more}
        self.columns = columns_of(schema, [])
        self.records = Records("events", schema, self.columns, [], is_validated=is_validated)

    def cell(self, value: bytes, kind: Kind | None = None) -> bytes:
        """The cell for a value of JSON."""
        messages = self.records.of_messages([b'{"record":{"a":%s}}' % value])
        (row,), _ = self.records.rows(
            [message.record for message in messages], [kind or self.columns[0].kind]
        )
        return row.removesuffix(b"\n")


@pytest.mark.parametrize(
    ("definition", "value", "cell"),
    [
        (TEXT, b'"a"', b'"a"'),
        (TEXT, b'""', b'""'),
        (TEXT, b"null", b""),
        (TEXT, b'"null"', b'"null"'),
        (TEXT, rb'"\\N"', rb'"\N"'),
        (TEXT, rb'"\\."', rb'"\."'),
        (TEXT, rb'"a\"b,c\nd\re\tf"', b'"a""b,c\nd\re\tf"'),
        (TEXT, rb'"\ud55c\ud83d\ude00"', '"한😀"'.encode()),
        (TEXT, rb'"a\u0000b"', b'"a\0b"'),
        (INTEGER, b"0", b"0"),
        (INTEGER, b"-0", b"0"),
        (INTEGER, b"1.0", b"1"),
        (INTEGER, b"-9223372036854775808.00", b"-9223372036854775808"),
        (INTEGER, b"9223372036854775807", b"9223372036854775807"),
        (INTEGER, b"-9223372036854775808", b"-9223372036854775808"),
        (INTEGER, b"null", b""),
        (NUMBER, b"1", b"1"),
        (NUMBER, b"1.50", b"1.5"),
        (NUMBER, b"1e-7", b"1e-07"),
        (NUMBER, b"1e308", b"1e+308"),
        (NUMBER, b"5e-324", b"5e-324"),
        (NUMBER, b"100000000000000000000", b"100000000000000000000"),
        (DECIMAL, b"0.12345678901234567890", b"0.12345678901234567890"),
        (DECIMAL, b"1e400", b"1e400"),
        (DECIMAL, b"null", b""),
        (BOOLEAN, b"true", b"true"),
        (BOOLEAN, b"false", b"false"),
        (BOOLEAN, b"null", b""),
        (INSTANT, b'"2026-01-02T03:04:05.678Z"', b"2026-01-02T03:04:05.678Z"),
        (INSTANT, b'"2026-01-02t03:04:05z"', b"2026-01-02T03:04:05Z"),
        (INSTANT, b'"2026-01-02 03:04+0900"', b"2026-01-02 03:04+0900"),
        (INSTANT, b'"2026-01-02"', b"2026-01-02"),
        (DATE, b'"2026-01-02"', b"2026-01-02"),
        (JSON, b'{"a": [1, "b"]}', b'"{""a"": [1, ""b""]}"'),
        (JSON, b'"null"', b'"""null"""'),
        (JSON, b'""', b'""""""'),
        (JSON, b"null", b""),
        (JSON, b"[]", b'"[]"'),
    ],
)
def test_the_cell_of_a_value(definition: Any, value: bytes, cell: bytes) -> None:
    assert One(definition).cell(value) == cell


@pytest.mark.parametrize(
    ("definition", "value", "kind", "cell"),
    [
        (INTEGER, b"12345678901234567890", Kind.DECIMAL, b"12345678901234567890"),
        (INTEGER, b"1", Kind.TEXT, b'"1"'),
        (INTEGER, b"1", Kind.JSON, b'"1"'),
        (NUMBER, b"1.5", Kind.DECIMAL, b"1.5"),
        (BOOLEAN, b"true", Kind.TEXT, b'"true"'),
        (BOOLEAN, b"null", Kind.TEXT, b""),
        (BOOLEAN, b"true", Kind.JSON, b'"true"'),
        (TEXT, b'"a"', Kind.JSON, b'"""a"""'),
        (TEXT, b"null", Kind.JSON, b""),
        (DECIMAL, b"1.50", Kind.JSON, b'"1.50"'),
        (DECIMAL, b"null", Kind.JSON, b""),
        (DATE, b'"2026-01-02"', Kind.INSTANT, b"2026-01-02"),
        (DATE, b'"2026-01-02"', Kind.TEXT, b'"2026-01-02"'),
        (INSTANT, b'"2026-01-02T03:04:05Z"', Kind.TEXT, b'"2026-01-02T03:04:05Z"'),
        (INSTANT, b'"2026-01-02T03:04:05Z"', Kind.JSON, b'"""2026-01-02T03:04:05Z"""'),
    ],
)
def test_the_cell_of_a_value_in_a_wider_column(
    definition: Any, value: bytes, kind: Kind, cell: bytes
) -> None:
    assert One(definition).cell(value, kind) == cell


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (TEXT, b"1"),
        (TEXT, b"{}"),
        (TEXT, b'"\xff"'),
        (TEXT, b'"\xed\xa0\x80"'),
        (TEXT, b'"a\x01b"'),
        ({"type": "string"}, b"null"),
        (INTEGER, b'"1"'),
        (INTEGER, b"true"),
        (INTEGER, b"1.5"),
        (INTEGER, b"9" * 5000),
        (NUMBER, b'"1"'),
        (NUMBER, b"true"),
        (NUMBER, b"1e400"),
        (NUMBER, b"NaN"),
        (DECIMAL, b'"1"'),
        (DECIMAL, b"true"),
        (DECIMAL, b"[1]"),
        ({"type": "number", "multipleOf": 0.1}, b"null"),
        (BOOLEAN, b"1"),
        (BOOLEAN, b'"true"'),
        (INSTANT, b'"yesterday"'),
        (INSTANT, b'""'),
        (INSTANT, b'"2026-01-02T03:04:05Z,1"'),
        (INSTANT, b'"2026-01-02T03:04:05Z\\n"'),
        (INSTANT, rb'"\uff12026-01-02"'),
        (INSTANT, b'"2026-01-02T03:04:05+25:00"'),
        (INSTANT, b"1767225600"),
        (DATE, b'"2026-01-02T00:00:00Z"'),
        (DATE, b'"now"'),
        (JSON, b'{"a": "\xff"}'),
        (JSON, b"[1,]"),
        (JSON, b"nul"),
        (JSON, rb'"\x"'),
        (JSON, b"[" * 100_000 + b"]" * 100_000),
        ({"type": "object"}, b"null"),
        ({"type": "object"}, b"[]"),
        ({"type": "array", "items": {"type": "string"}}, b"[1]"),
        ({"type": "string", "enum": ["a"]}, b'"b"'),
        ({"type": "integer", "minimum": 5}, b"4"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, b"1.5"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_is_told_in_one_line(definition: Any, value: bytes) -> None:
    with pytest.raises(LoadError) as caught:
        One(definition).cell(value)
    told = str(caught.value)
    assert told.startswith("events: a record doesn't fit its SCHEMA: ")
    assert "\n" not in told
    assert len(told) < 400


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"type": "array", "items": {"type": "string"}}, b"[1]"),
        ({"type": "string", "enum": ["a"]}, b'"b"'),
        ({"enum": 5}, b'"b"'),
    ],
)
def test_what_is_not_to_be_validated_is_loaded(definition: Any, value: bytes) -> None:
    assert One(definition, is_validated=False).cell(value)


@pytest.mark.parametrize(
    "definition",
    [
        {"enum": 5},
        {"anyOf": 5},
        {"oneOf": {"type": "string"}},
        {"allOf": 5},
        {"not": 5},
        {"pattern": "("},
        {"$ref": 5},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"type": ["object", 5]},
    ],
    ids=str,
)
def test_a_schema_that_is_wrong_is_told_in_one_line(definition: Any) -> None:
    with pytest.raises(LoadError, match="a value of a can't be compared with its SCHEMA") as caught:
        One(definition).cell(b'"text"')
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        {"$schema": []},
        {"$schema": "unknown"},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
    ],
    ids=str,
)
def test_any_dialect(more: Any) -> None:
    assert One({"type": "array", "items": {"type": "string"}}, **more).cell(b'["a"]')


def test_a_definition_elsewhere_in_the_schema_counts() -> None:
    one = One({"$ref": "#/definitions/text"}, definitions={"text": {"type": "string"}})
    assert one.cell(b'"a"') == b'"""a"""'
    with pytest.raises(LoadError, match="1 is not of type 'string'"):
        one.cell(b"1")


def test_steps_of_numbers_are_not_checked_but_a_property_may_have_their_name() -> None:
    one = One({"type": "object", "properties": {"multipleOf": {"type": "string"}}})
    assert one.cell(b'{"multipleOf": "a"}')
    with pytest.raises(LoadError, match=r"a\.multipleOf: 1 is not of type"):
        one.cell(b'{"multipleOf": 1}')
    inner = {"type": "number", "multipleOf": 0.01}
    assert One({"type": "object", "properties": {"n": inner}}).cell(b'{"n": 0.07}')


@pytest.mark.parametrize(
    ("definition", "value", "kind", "wider"),
    [
        (INTEGER, b"9223372036854775808", Kind.INTEGER, Kind.BIG_INTEGER),
        (INTEGER, b"-9223372036854775809", Kind.INTEGER, Kind.BIG_INTEGER),
        (INTEGER, b"9" * 38, Kind.BIG_INTEGER, Kind.DECIMAL),
        (NUMBER, b"9007199254740993", Kind.NUMBER, Kind.DECIMAL),
        (NUMBER, b"1" + b"0" * 400, Kind.NUMBER, Kind.DECIMAL),
    ],
)
def test_a_number_that_the_column_would_change(
    definition: Any, value: bytes, kind: Kind, wider: Kind
) -> None:
    with pytest.raises(TooWideError) as caught:
        One(definition).cell(value, kind)
    assert (caught.value.name, caught.value.kind) == ("a", wider)


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a\nb", "", "c0", "c1", "한", "%", "record", "a b"]
)
def test_any_name_of_a_property(name: str) -> None:
    schema: dict[str, Any] = {
        "properties": {"c0": INTEGER, name: TEXT, 'c1"': TEXT, "c1": INTEGER, "c2": INTEGER}
    }
    if name.startswith("c"):
        schema["properties"][name] = INTEGER
    columns = columns_of(schema, ["c0"])
    records = Records("events", schema, columns, ["c0"], is_validated=True)
    values = {each.name: 1 if each.kind == Kind.INTEGER else "t" for each in columns}
    for found in (
        records.of_messages([json.dumps({"record": values}).encode()]),
        records.of_lines([json.dumps(values).encode()]),
    ):
        rows, keys = records.rows([found[0].record], [each.kind for each in columns])
        assert rows == [b",".join(b"1" if v == 1 else b'"t"' for v in values.values()) + b"\n"]
        assert keys == ["1"]
    with pytest.raises(LoadError, match="a record doesn't fit"):
        records.of_messages([json.dumps({"record": {**values, 'c1"': 5}}).encode()])


def test_of_a_name_that_comes_twice_the_last_value_counts() -> None:
    messages = One(INTEGER).records.of_messages([b'{"record":{"a":1,"a":2}}'])
    assert messages[0].record.c0 == 2


KEYED = {"properties": {"a": TEXT, "b": JSON, "c": TEXT}, "required": ["c"]}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"c": "x"}, "no value for its key a"),
        ({"a": None, "c": "x"}, "no value for its key a"),
        ({"a": "1"}, "missing required field `c`"),
    ],
)
def test_what_must_be_there(record: Any, words: str) -> None:
    records = Records("events", KEYED, columns_of(KEYED, ["a"]), ["a"], is_validated=True)
    with pytest.raises(LoadError, match=words):
        records.of_messages([json.dumps({"record": record}).encode()])
    with pytest.raises(LoadError, match=words):
        records.of_lines([json.dumps(record).encode()])


def test_a_null_key_is_one_of_the_sdks_errors() -> None:
    records = Records("events", KEYED, columns_of(KEYED, ["a"]), ["a"], is_validated=True)
    with pytest.raises(NoKeyError):
        records.of_messages([b'{"record":{"c":"x"}}'])


@pytest.mark.parametrize(
    "line",
    [b"", b"5", b"{", b"[]", b'{"record":5}', b'{"record":null}', b"{}", b'{"record":[]}', b"\xff"],
)
def test_what_is_no_record(line: bytes) -> None:
    with pytest.raises(LoadError):
        One(TEXT).records.of_messages([line])


def test_a_property_that_the_schema_does_not_know() -> None:
    line = b'{"record":{"a":"x","other":1}}'
    assert One(TEXT).records.of_messages([line])
    with pytest.raises(LoadError, match="unknown field `other`"):
        One(TEXT, additionalProperties=False).records.of_messages([line])


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(st.tuples(TEXTS, st.none() | st.booleans()), min_size=1))
def test_rows_are_csv(values: list[tuple[str, bool | None]]) -> None:
    schema = {"properties": {"text": {"type": "string"}, "is": BOOLEAN}}
    columns = columns_of(schema, [])
    records = Records("events", schema, columns, [], is_validated=True)
    lines = [json.dumps({"record": {"text": a, "is": b}}).encode() for a, b in values]
    found = [message.record for message in records.of_messages(lines)]
    rows, _ = records.rows(found, [each.kind for each in columns])
    read = csv.reader(io.StringIO(b"".join(rows).decode(), newline=""), strict=True)
    names = {None: "", True: "true", False: "false"}
    assert [*read] == [[text, names[is_]] for text, is_ in values]
