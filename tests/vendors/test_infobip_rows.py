"""Rows of both forms become records, and nothing of them vanishes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tap_eventexport.engine.duplicates.identity import content_key
from tap_eventexport.vendors.infobip.rows import RowKeys, read_rows

TIME = "2026-03-01T00:00:00.000Z"
PRESENT: dict[str, Any] = {
    "definitionId": "pageView",
    "personId": "7",
    "externalPersonId": None,
    "timestamp": TIME,
    "properties": {"url": "/a", "price": 1.10},
}
OLDER: dict[str, Any] = {
    "definitionId": "pageView",
    "eventId": "e-1",
    "sessionId": None,
    "personId": 7,
    "occuredTime": "2026-03-01T09:00:00.000+0900",
    "url": "/a",
    "pageView_personId": "own",
}


def read(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """What rows are read as."""
    found = read_rows("\n".join(map(json.dumps, rows)).encode())
    names = ("definitionId", "personId", "externalPersonId", "timestamp")
    return [
        {
            **dict(zip(names, columns, strict=True)),
            "properties": msgspec.json.decode(properties),
            "_extra": msgspec.json.decode(extra),
        }
        for columns, properties, extra in zip(
            found.columns, found.properties, found.extras, strict=False
        )
    ]


def keys(*rows: dict[str, Any]) -> list[str]:
    return [*RowKeys().keys(read_rows("\n".join(map(json.dumps, rows)).encode()))]


@pytest.mark.parametrize(
    ("row", "changed"),
    [
        (PRESENT, {}),
        ({**PRESENT, "region": "eu"}, {"_extra": {"region": "eu"}}),
        ({**PRESENT, "eventId": 5}, {"_extra": {"eventId": 5}}),
        ({**PRESENT, "eventId": None}, {}),
        ({**PRESENT, "occuredTime": "x"}, {"_extra": {"occuredTime": "x"}}),
        ({**PRESENT, "occuredTime": None}, {}),
        ({**PRESENT, "personId": 7}, {}),
        (
            {**PRESENT, "externalPersonId": 12345678901234567890},
            {"externalPersonId": "12345678901234567890"},
        ),
        ({**PRESENT, "personId": 7.50}, {"personId": "7.5"}),
        (
            OLDER,
            {
                "properties": {"sessionId": None, "url": "/a", "pageView_personId": "own"},
                "_extra": {"eventId": "e-1"},
            },
        ),
        (
            {**OLDER, "properties": {"a": 1}},
            {
                "properties": {"a": 1},
                "_extra": {
                    "eventId": "e-1",
                    "sessionId": None,
                    "url": "/a",
                    "pageView_personId": "own",
                },
            },
        ),
        (
            {"definitionId": "pageView", "personId": 7, "occuredTime": TIME, "properties": "text"},
            {"properties": {"properties": "text"}},
        ),
        ({"definitionId": "pageView", "personId": "7", "occuredTime": TIME}, {"properties": None}),
        (
            {**OLDER, "timestamp": None, "campaignName": "Spring", "eventId": ""},
            {
                "properties": {
                    "sessionId": None,
                    "url": "/a",
                    "pageView_personId": "own",
                    "campaignName": "Spring",
                },
                "_extra": {"eventId": ""},
            },
        ),
    ],
)
def test_every_field_of_a_row_goes_somewhere(row: dict[str, Any], changed: dict[str, Any]) -> None:
    assert read(row) == [{**PRESENT, "_extra": None, **changed}]


def test_forms_may_be_mixed() -> None:
    mixed = read(PRESENT, OLDER, {**PRESENT, "region": "eu"}, PRESENT)
    assert mixed == [read(row)[0] for row in (PRESENT, OLDER, {**PRESENT, "region": "eu"}, PRESENT)]
    assert read_rows(b"").columns == []


def test_a_row_keeps_the_key_that_it_had() -> None:
    values = ("pageView", "7", None, TIME, {"url": "/a", "price": "1.1"})
    assert keys(PRESENT) == keys({**PRESENT, "personId": 7}) == [content_key(values)]
    assert keys({**PRESENT, "region": "eu"}) != keys(PRESENT)
    assert keys({**PRESENT, "a": 1, "b": [1.50]}) == keys({**PRESENT, "b": [1.50], "a": 1})
    bare = {"definitionId": "pageView", "personId": "7", "timestamp": TIME}
    assert keys(bare) == keys({**bare, "properties": None}, PRESENT)[:1]


def test_an_id_alone_makes_the_key() -> None:
    other = {**PRESENT, "eventId": "e-1", "personId": "8"}
    assert keys(OLDER) == keys(other) == keys({**OLDER, "personId": 9})
    assert keys({**OLDER, "eventId": 5}) == keys({**OLDER, "eventId": "5"})
    assert keys(OLDER) != keys({**OLDER, "eventId": "e-2"})


@pytest.mark.parametrize("identity", ["", None, {}, [1], True])
def test_what_is_no_id_leaves_the_key_to_the_content(identity: Any) -> None:
    first, second = keys(
        {**OLDER, "eventId": identity}, {**OLDER, "eventId": identity, "url": "/b"}
    )
    assert first != second
    one, twin = keys(*[{**OLDER, "eventId": identity}] * 2)
    assert (one, one == twin) == (first, False)


def test_another_row_with_the_same_id_gets_a_key_of_its_own_and_is_counted() -> None:
    made = RowKeys()
    other = {**OLDER, "url": "/b"}
    third = {**OLDER, "url": "/c"}
    rows = read_rows("\n".join(map(json.dumps, (OLDER, other, OLDER, PRESENT, other))).encode())
    first, second, again, present, again_second = made.keys(rows)
    (last,) = made.keys(read_rows(json.dumps(third).encode()))
    assert (first, second) == (again, again_second)
    assert len({first, second, present, last}) == 4
    assert made.repeated == 3
    assert keys(other, OLDER)[0] == first  # whichever comes first; the others' are of both


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**PRESENT, "timestamp": None}, "no timestamp, nor an occuredTime"),
        ({"personId": "secret"}, "no timestamp, nor an occuredTime"),
        ({**PRESENT, "timestamp": "secret"}, "a timestamp is not an ISO 8601"),
        ({**PRESENT, "timestamp": 1711010100000}, "a timestamp is not an ISO 8601"),
        ({**OLDER, "occuredTime": ["secret"]}, "a timestamp is neither a text nor a number"),
        ({**PRESENT, "personId": {"secret": 1}}, "personId is neither a text nor a number"),
        ({**PRESENT, "definitionId": True}, "definitionId is neither a text nor a number"),
        ({**PRESENT, "properties": ["secret"]}, r"Expected `object \| null`, got `array`"),
        (
            {**PRESENT, "properties": "secret", "personId": 7},
            r"Expected `object \| null`, got `str`",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_refused_without_its_words(
    row: dict[str, Any], said: str
) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError), match=said) as failed:
        read(row)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("digits", ["9" * 30, "1" * 5_000, "0.1000", "1e400", "-0.0"])
def test_numbers_of_any_size_pass_as_they_are(digits: str) -> None:
    def row(number: str) -> bytes:
        return b'{"timestamp":"%s","properties":{"n":%s},"x":%s}' % (
            TIME.encode(),
            number.encode(),
            number.encode(),
        )

    rows = read_rows(row(digits))
    assert bytes(rows.properties[0]) == b'{"n":%s}' % digits.encode()
    assert bytes(next(iter(rows.extras))) == b'{"x":%s}' % digits.encode()
    another = digits[:-1] + "5"
    assert rows.contents != read_rows(row(another)).contents
