"""What is read back from each destination equals what was sent, by value."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.target.loading import from_json, load, of_record, record, schema

if TYPE_CHECKING:
    from tests.target.loading import Place

NUMBERS = count()
NULL: st.SearchStrategy[Any] = st.none()
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
INSTANTS = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 - they get a zone
    datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
OFFSETS = st.integers(-15 * 60, 15 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)
VALUES = st.recursive(
    NULL
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SCHEMA = {
    "id": {"type": "integer"},
    "integer": {"type": ["integer", "null"]},
    "large": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "decimal": {"type": ["number", "null"], "multipleOf": 1e-20},
    "boolean": {"type": ["boolean", "null"]},
    "text": {"type": ["string", "null"]},
    "instant": {"type": ["string", "null"], "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
    "value": {},
    "object": {"type": ["object", "null"]},
    "array": {"type": ["array", "null"], "items": {}},
}
RECORDS = st.fixed_dictionaries(
    {
        "integer": NULL | st.integers(-(2**63), 2**63 - 1),
        "large": NULL | st.integers(-(10**50), 10**50),
        "number": NULL | st.floats(allow_nan=False, allow_infinity=False),
        "decimal": NULL | DECIMALS,
        "boolean": NULL | st.booleans(),
        "text": NULL | TEXTS,
        "instant": NULL | st.tuples(INSTANTS, OFFSETS),
        "date": NULL | st.dates(),
        "value": VALUES,
        "object": NULL | st.dictionaries(TEXTS, VALUES, max_size=3),
        "array": NULL | st.lists(VALUES, max_size=3),
    }
)


def sent(number: int, values: dict[str, Any]) -> bytes:
    """A RECORD message; decimals are written with all their digits."""
    found = {"id": number, **values}
    if values["instant"]:
        instant, zone = values["instant"]
        found["instant"] = instant.astimezone(zone).isoformat()
    if values["date"]:
        found["date"] = values["date"].isoformat()
    if values["decimal"] is not None:
        found["decimal"] = "DECIMAL"
    text = json.dumps({"type": "RECORD", "stream": "events", "record": found})
    return text.replace('"DECIMAL"', str(values["decimal"])).encode()


def expected(number: int, values: dict[str, Any]) -> dict[str, Any]:
    found = {"id": number, **values}
    if values["instant"]:
        found["instant"] = values["instant"][0]
    for name in ("value", "object", "array"):
        found[name] = from_json(json.dumps(values[name]))
    return found


def as_read(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its numbers as numbers, where a limit on digits has made texts of them."""
    for name, type_ in (("large", int), ("decimal", Decimal), ("number", float)):
        if isinstance(row[name], str):
            row[name] = type_(row[name])
    return row


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],  # to make examples smaller would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(RECORDS, min_size=1, max_size=12))
def test_values_come_back(place: Place, records: list[dict[str, Any]]) -> None:
    place = replace(place, schema=f"values_{next(NUMBERS)}")  # type: ignore[type-var]
    load(place, [schema(SCHEMA, "id"), *(sent(*each) for each in enumerate(records))])
    found = {row["id"]: as_read(row) for row in place.read("events")}
    assert found == {number: expected(number, values) for number, values in enumerate(records)}


TEXTS_THAT_MEAN_SOMETHING = [
    "",
    " ",
    "null",
    "NULL",
    r"\N",
    r"\.",
    "\\",
    '"',
    "'",
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    "a\n\\.\nb",
    "\t",
    "\x01\x1f\x7f",
    "\ufeff",
    "e\u0301",
    "\u2028",
    "\ufffd",
    "한국어 😀",
    "x" * 3_000_000,
    "%s",
    "{}",
]


def test_texts_come_back(place: Place) -> None:
    properties = {"id": {"type": "integer"}, "text": {"type": "string"}, "value": {}, "last": {}}
    rows = [
        {"id": number, "text": text, "value": [text, {text: text}], "last": None}
        for number, text in enumerate(TEXTS_THAT_MEAN_SOMETHING)
    ]
    load(place, [schema(properties, "id"), *map(of_record, rows)])
    assert sorted(place.read("events"), key=itemgetter("id")) == rows


def test_what_no_database_stores_becomes_a_sign(place: Place) -> None:
    properties = {"id": {"type": "integer"}, "text": {"type": "string"}, "value": {}}
    row = '{"id":NUMBER,"text":"a_b","value":{"a_b":["_"]}}'
    messages = [
        f'{{"type":"RECORD","stream":"events","record":{row}}}'.replace("NUMBER", str(number))
        .replace("_", escape)
        .encode()
        for number, escape in enumerate([r"\u0000", r"\ud83d", r"\ude00"])
    ]
    load(place, [schema(properties, "id"), *messages])
    assert [(row["text"], row["value"]) for row in place.read("events")] == [
        ("a\ufffdb", {"a\ufffdb": ["\ufffd"]})
    ] * 3


def test_nesting_comes_back(place: Place) -> None:
    value: Any = 1
    for _ in range(200):
        value = {"a": [value]}
    load(place, [schema({"id": {"type": "integer"}, "value": {}}, "id"), record(id=1, value=value)])
    assert place.read("events") == [{"id": 1, "value": value}]


INSTANT_TEXTS = [
    ("2026-01-01T09:00:00+0900", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2026-01-01T09:00+09", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2025-12-31T18:15:00-05:45", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2026-01-01 00:00", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
    ("2026-01-01t00:00:00.5z", datetime(2026, 1, 1, microsecond=500_000, tzinfo=UTC)),
    ("2026-01-01T00:00:00.123456Z", datetime(2026, 1, 1, microsecond=123_456, tzinfo=UTC)),
    ("1969-12-31T23:59:59.999Z", datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
]


def test_instants_are_what_their_offset_says(place: Place) -> None:
    properties = {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}
    records = [record(id=number, at=text) for number, (text, _) in enumerate(INSTANT_TEXTS)]
    load(place, [schema(properties, "id"), *records])
    found = {row["id"]: row["at"] for row in place.read("events")}
    assert [found[number] for number in range(len(found))] == [at for _, at in INSTANT_TEXTS]


def test_names_of_any_kind_become_columns(place: Place) -> None:
    names = [
        "id",
        "Total %",
        'a "quoted"',
        "a\\b",
        "a\nb",
        "한국어",
        "select",
        "x" * 70,
        "x" * 71,
        "",
    ]
    names += ["ctid", "xmin", "rowid", "place", "day", "filename", "excluded", "t", "s", "c0", "$1"]
    properties = {name: {"type": "string"} for name in names}
    values = {name: f"{number}" for number, name in enumerate(names)}
    load(place, [schema(properties, "id", order="day"), of_record(values)])
    (row,) = place.read("events")
    assert [*row.values()] == [*values.values()]
    assert {"id", "Total %", "a\nb", "한국어", 'a "quoted"', "$1"} <= row.keys()


STREAMS = [
    "a b",
    "A/../b",
    'q"q',
    "한국어",
    "x" * 100,
    "stage",
    "stage_0",
    "%",
    ".hidden",
    "..",
    "t",
]


def test_streams_of_any_name_are_tables(place: Place) -> None:
    messages = []
    for number, stream in enumerate(STREAMS):
        messages.append(schema({"id": {"type": "integer"}}, "id", stream=stream))
        messages.append(of_record({"id": number}, stream))
    for _ in range(2):
        load(place, messages)
        assert [place.read(stream) for stream in STREAMS] == [
            [{"id": number}] for number in range(len(STREAMS))
        ]


def test_dates_are_days(place: Place) -> None:
    properties = {"id": {"type": "integer"}, "day_of": {"type": "string", "format": "date"}}
    load(place, [schema(properties, "id"), record(id=1, day_of="2026-02-28")])
    assert place.read("events") == [{"id": 1, "day_of": date(2026, 2, 28)}]
