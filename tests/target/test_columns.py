"""What a column holds, by its JSON schema."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_eventexport.columns import Column, Kind, check_key_change, columns_of, joined, kind_of
from target_eventexport.errors import LoadError

KINDS = st.sampled_from(Kind)
NULL = {"type": "null"}
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["type", "format", "anyOf", "oneOf", "items", "properties", "enum", "multipleOf"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"type": "integer"}, Kind.INTEGER),
        ({"type": ["integer", "null"]}, Kind.INTEGER),
        ({"type": ["null", "integer"]}, Kind.INTEGER),
        ({"type": "number"}, Kind.NUMBER),
        ({"type": "number", "multipleOf": 1e-20}, Kind.DECIMAL),
        ({"type": "number", "multipleOf": 0.01}, Kind.DECIMAL),
        ({"type": "number", "multipleOf": 5}, Kind.NUMBER),
        ({"type": ["integer", "number"]}, Kind.DECIMAL),
        ({"type": "boolean"}, Kind.BOOLEAN),
        ({"type": "string"}, Kind.TEXT),
        ({"type": "string", "format": "date-time"}, Kind.INSTANT),
        ({"type": ["string", "null"], "format": "date-time"}, Kind.INSTANT),
        ({"type": "string", "format": "date"}, Kind.DATE),
        ({"type": "string", "format": "time"}, Kind.TEXT),
        ({"type": "string", "format": "uuid"}, Kind.TEXT),
        ({"type": "string", "format": ["date"]}, Kind.TEXT),
        ({"type": "object"}, Kind.JSON),
        ({"type": "array", "items": {"type": "string"}}, Kind.JSON),
        ({"type": ["string", "integer"]}, Kind.JSON),
        ({"type": ["string", "object", "null"]}, Kind.JSON),
        ({"anyOf": [{"type": "string", "format": "date-time"}, NULL]}, Kind.INSTANT),
        ({"oneOf": [NULL, {"type": "integer"}]}, Kind.INTEGER),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, Kind.TEXT),
        ({"anyOf": [{"type": "string", "format": "date"}, {"type": "string"}]}, Kind.TEXT),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, Kind.JSON),
        ({"anyOf": [{"anyOf": [NULL, {"type": "boolean"}]}]}, Kind.BOOLEAN),
        ({"anyOf": []}, Kind.JSON),
        ({"anyOf": 5, "type": "integer"}, Kind.INTEGER),
        ({}, Kind.JSON),
        (NULL, Kind.JSON),
        ({"enum": [1, "a", None]}, Kind.JSON),
        ({"type": "string", "enum": ["a"]}, Kind.TEXT),
        ({"$ref": "#/definitions/a"}, Kind.JSON),
        ({"type": 5}, Kind.JSON),
        ({"type": [5, None, {}, []]}, Kind.JSON),
        ({"type": []}, Kind.JSON),
        ({"type": "strin"}, Kind.JSON),
        ({"type": "number", "multipleOf": "0.01"}, Kind.NUMBER),
        (True, Kind.JSON),
        (None, Kind.JSON),
        ("string", Kind.JSON),
        ([{"type": "string"}], Kind.JSON),
    ],
    ids=str,
)
def test_the_kind_of_a_property(definition: Any, kind: Kind) -> None:
    assert kind_of(definition) == kind


@given(ANYTHING)
def test_any_definition_has_a_kind(definition: Any) -> None:
    assert kind_of(definition) in Kind


@pytest.mark.parametrize(
    ("definition", "is_nullable"),
    [
        ({"type": "integer"}, False),
        ({"type": ["integer", "null"]}, True),
        ({"anyOf": [{"type": "integer"}, NULL]}, True),
        ({"anyOf": [{"type": "integer"}, {}]}, True),
        ({}, True),
        (None, True),
        ({"type": "string", "enum": ["a"]}, False),
    ],
)
def test_whether_a_value_may_be_null(definition: Any, is_nullable: bool) -> None:  # noqa: FBT001
    (column,) = columns_of({"properties": {"a": definition}}, [])
    assert column.is_nullable == is_nullable


def test_a_key_is_required_and_never_null() -> None:
    nullable = {"type": ["string", "null"]}
    schema = {"properties": {"a": nullable, "b": nullable, "c": nullable}, "required": ["b"]}
    assert columns_of(schema, ["a"]) == (
        Column("a", Kind.TEXT, is_nullable=False, is_required=True),
        Column("b", Kind.TEXT, is_nullable=True, is_required=True),
        Column("c", Kind.TEXT, is_nullable=True, is_required=False),
    )


@pytest.mark.parametrize("required", [None, 5, True, "a", {"a": 1}, [5, [], {}]])
def test_a_required_that_is_no_list_of_names(required: Any) -> None:
    (column,) = columns_of({"properties": {"a": {}}, "required": required}, [])
    assert not column.is_required


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL),
        (Kind.INTEGER, Kind.DECIMAL, Kind.DECIMAL),
        (Kind.NUMBER, Kind.DECIMAL, Kind.DECIMAL),
        (Kind.DATE, Kind.INSTANT, Kind.INSTANT),
        (Kind.DATE, Kind.TEXT, Kind.TEXT),
        (Kind.INSTANT, Kind.TEXT, Kind.TEXT),
        (Kind.INTEGER, Kind.TEXT, Kind.TEXT),
        (Kind.INTEGER, Kind.BOOLEAN, Kind.TEXT),
        (Kind.BOOLEAN, Kind.JSON, Kind.JSON),
        (Kind.TEXT, Kind.JSON, Kind.JSON),
    ],
)
def test_the_kind_that_holds_two(one: Kind, other: Kind, both: Kind) -> None:
    assert joined(one, other) == both


@given(KINDS, KINDS)
def test_joining_has_no_order(one: Kind, other: Kind) -> None:
    assert joined(one, other) == joined(other, one)
    assert joined(one, one) == one


@given(KINDS, KINDS)
def test_what_was_joined_holds_both(one: Kind, other: Kind) -> None:
    both = joined(one, other)
    assert joined(both, one) == joined(both, other) == both


@given(KINDS, KINDS, KINDS)
def test_the_order_in_which_kinds_come_is_no_matter(one: Kind, two: Kind, three: Kind) -> None:
    orders = itertools.permutations([one, two, three])
    assert len({joined(joined(first, second), third) for first, second, third in orders}) == 1


@pytest.mark.parametrize("has", [Kind.INSTANT, Kind.NUMBER, Kind.DECIMAL, Kind.JSON])
def test_a_key_that_can_be_written_in_two_ways_becomes_no_text(has: Kind) -> None:
    with pytest.raises(LoadError, match="key a can't change from"):
        check_key_change("key a", has, Kind.TEXT)


@pytest.mark.parametrize(
    ("has", "wanted"),
    [
        (Kind.INTEGER, Kind.TEXT),
        (Kind.TEXT, Kind.JSON),
        (Kind.INTEGER, Kind.DECIMAL),
        (Kind.DATE, Kind.INSTANT),
        (Kind.JSON, Kind.JSON),
    ],
)
def test_other_keys_may_change(has: Kind, wanted: Kind) -> None:
    check_key_change("key a", has, wanted)
