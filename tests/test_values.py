"""A table that lost, shifted, cut or swapped values is told from what was emitted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.values import differences, emitted, parsed, table

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = list[dict[str, Any]]

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "properties": {
        "id": {"type": ["string"]},
        "at": {"type": ["string"], "format": "date-time"},
        "price": {"type": ["number", "null"]},
        "is_on": {"type": ["boolean", "null"]},
        "payload": {"type": ["object", "null"]},
        "tags": {"type": ["array", "null"], "items": TEXT},
        "memo": TEXT,
    }
}
FIRST = (
    '{"id":"a","at":"2026-03-01T00:00:00.120Z","price":0.10000000000000000001,"is_on":false,'
    '"payload":{"b":[1.0,"1",null],"a":"{}"},"tags":["a",null],"memo":"{\\"a\\": 1}\\n"}'
)
SECOND = (
    '{"id":"b","at":"2026-03-02T00:00:00.000Z","price":12900.0,"is_on":null,"payload":null,'
    '"tags":[],"memo":""}'
)
RECORDS = [FIRST, SECOND]
LINES = [
    json.dumps({"type": "SCHEMA", "stream": "s", "schema": SCHEMA, "key_properties": ["id"]}),
    '{"type":"STATE","value":{}}',
    '{"type":"RECORD","stream":"s","record":{"id":"b","at":"2026-03-02T00:00:00.000Z","memo":"x"}}',
    *(f'{{"type":"RECORD","stream":"s","record":{record}}}' for record in RECORDS),
]


def found(change: Callable[[Rows], Any]) -> list[str]:
    """How a store differs, in which some rows were changed, from what was emitted."""
    stream = emitted(LINES)["s"]
    rows = [parsed(record) for record in RECORDS]
    change(rows)
    return differences("s", table(stream, rows), table(stream, stream.records.values()))


def as_loaders_keep_it(rows: Rows) -> None:
    rows.reverse()
    for row in rows:
        row["at"] = row["at"].removesuffix("0Z")
        row["_sdc_sequence"] = 1
    rows[0] |= {"price": Decimal("1.29E+4"), "tags": "[]"}
    rows[1] |= {"payload": '{"a": "{}", "b": [1, "1", null]}', "tags": '["a", null]'}


def test_the_same_values_in_another_form_are_no_difference() -> None:
    assert found(as_loaders_keep_it) == []


FAULTS: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "a row is missing": (lambda rows: rows.pop(), "s: 1 rows, expected 2"),
    "a column is missing": (lambda rows: [row.pop("memo") for row in rows], "s.memo: no values"),
    "an object is null": (lambda rows: rows[0].update(payload=None), "s.payload: no values"),
    "an object is empty": (lambda rows: rows[0].update(payload={}), "s.payload: 1 values"),
    "an empty text is null": (lambda rows: rows[1].update(memo=None), "s.memo: 1 values"),
    "an empty list is null": (lambda rows: rows[1].update(tags=None), "s.tags: 1 values"),
    "a line break is two characters": (
        lambda rows: rows[0].update(memo=rows[0]["memo"].replace("\n", "\\n")),
        "s.memo: 2 values",
    ),
    "digits are cut": (lambda rows: rows[0].update(price=0.1), "s.price: 2 values"),
    "false is null": (lambda rows: rows[0].update(is_on=None), "s.is_on: no values"),
    "false is 0": (lambda rows: rows[0].update(is_on=0), "s.is_on: 1 values"),
    "a time is shifted": (lambda rows: rows[0].update(at="2026-03-01T09:00:00.12"), "s.at: 2 "),
    "milliseconds are cut": (lambda rows: rows[0].update(at="2026-03-01T00:00:00"), "s.at: 2 "),
    "a text is a number": (lambda rows: rows[0]["payload"]["b"].__setitem__(1, 1), "s.payload: 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_loader_changed_is_found(fault: str) -> None:
    change, place = FAULTS[fault]
    (line,) = [line for line in found(change) if line.startswith(place)]
    assert ", expected " in line


def test_swapped_values_are_found() -> None:
    def swap(rows: Rows) -> None:
        rows[0]["memo"], rows[1]["memo"] = rows[1]["memo"], rows[0]["memo"]

    (line,) = found(swap)
    assert line.startswith("s.memo: 2 values")
