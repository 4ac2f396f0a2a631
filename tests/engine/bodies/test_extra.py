"""Fields that nobody knew arrive as they are, and hide no other fault."""

from __future__ import annotations

import json
import logging
import threading
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.bodies import extra
from tap_eventexport.engine.bodies.extra import NULL, ExtraDecoder, NewNames, as_column

Item = TypeVar("Item")


class Event(msgspec.Struct):
    id: str
    size: int = 0


class StrictEvent(Event, forbid_unknown_fields=True):
    pass


class Export(msgspec.Struct, Generic[Item]):
    items: list[Item]


decode = ExtraDecoder[Export[Any]](
    Event,
    strict=msgspec.json.Decoder(Export[StrictEvent]).decode,
    lenient=msgspec.json.Decoder(Export[Event]).decode,
    raw=msgspec.json.Decoder(Export[dict[str, msgspec.Raw]]).decode,
    events=attrgetter("items"),
)
of_lines = ExtraDecoder[list[Event]](
    Event,
    strict=msgspec.json.Decoder(StrictEvent).decode_lines,
    lenient=msgspec.json.Decoder(Event).decode_lines,
    raw=msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines,
    events=lambda rows: rows,
)


def columns(body: bytes) -> list[bytes]:
    return [bytes(as_column(fields)) for fields in decode(body).extras]


def test_a_body_without_other_fields_has_none() -> None:
    export, extras, names = decode(b'{"items":[{"id":"a"},{"id":"b","size":2}],"more":1}')
    assert [event.id for event in export.items] == ["a", "b"]
    assert [as_column(fields) for fields in extras] == [NULL, NULL]
    assert not names


@pytest.mark.parametrize(
    "fields",
    [
        b'"region":"eu"',
        b'"region":null',
        b'"__proto__":{"a":1},"_extra":{"_extra":[]},"constructor":true',
        b'"big":123456789012345678901234567890,"far":1e400,"exact":0.10',
        b'"inner":{"a":1,"a":2,"\\u0061":[{"b":null},[[]]]}',
        b'"":0,"\xed\x95\x9c\xea\xb5\xad":"\\u0000","ID":"c"',
    ],
)
def test_other_fields_arrive_as_they_are(fields: bytes) -> None:
    body = b'{"items":[{%s,"id":"a"},{"id":"b"},{"id":"c",%s,"size":3}]}' % (fields, fields)
    assert columns(body) == [b"{%s}" % fields, b"null", b"{%s}" % fields]
    assert [event.size for event in decode(body).decoded.items] == [0, 0, 3]


def test_of_a_name_that_is_there_twice_the_last_counts_as_in_any_json() -> None:
    assert columns(b'{"items":[{"id":"a","x":1,"x":[2],"\\u0069d":"b"}]}') == [b'{"x":[2]}']


def test_lines_are_decoded_too() -> None:
    rows, extras, names = of_lines(b'{"id":"a"}\n{"id":"b","x":{"y":1}}\n{"id":"c"}\n')
    assert [row.id for row in rows] == ["a", "b", "c"]
    assert [bytes(as_column(fields)) for fields in extras] == [b"null", b'{"x":{"y":1}}', b"null"]
    assert set(names) == {"x"}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (b'[{"id":"a"},{"id":1,"x":1}]', r"got `int` - at `\$\.items\[1\]\.id`"),
        (b'[{"id":"a","x":1},{"id":"b"},{"x":2}]', r"missing required field `id` .*items\[2\]"),
        (b'[{"id":"a","x":1},{"id":"b","size":1.5}]', r"`\$\.items\[1\]\.size`"),
        (b'[{"id":"a","x":1},7]', r"Expected `object`, got `int`"),
        (b'[{"id":"a","x":1}', r"expected ',' or '\]'"),
        (b'[{"id":"a","x":tru}]', r"malformed"),
    ],
)
def test_another_fault_beside_is_told_as_that_fault_with_the_events_number(
    items: bytes, words: str
) -> None:
    with pytest.raises(msgspec.DecodeError, match=words):
        decode(b'{"items":' + items + b"}")


def test_a_fault_in_a_line_has_the_lines_number() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`\$\[2\]\.id`"):
        of_lines(b'{"id":"a"}\n{"id":"b","x":1}\n{"id":[]}\n')


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(codec="utf-8")) | st.sampled_from(["_extra", "size ", "Id"]),
            st.none() | st.integers() | st.text(st.characters(codec="utf-8")),
            max_size=5,
        )
    )
)
def test_nothing_is_lost_and_nothing_added(others: list[dict[str, Any]]) -> None:
    items = [{**fields, "id": "a", "size": 1} for fields in others]
    export, extras, names = decode(json.dumps({"items": items}).encode())
    assert len(export.items) == len(others)
    found = [json.loads(bytes(as_column(fields))) for fields in extras]
    expected = [
        {name: value for name, value in fields.items() if name not in {"id", "size"}} or None
        for fields in others
    ]
    assert found == expected
    assert set(names) == {name for fields in expected for name in fields or ()}


def test_each_new_name_is_told_of_once_and_few_of_many(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "MOST_LOGGED", 10)
    caplog.set_level(logging.INFO)
    names = NewNames("a_stream", logging.getLogger("test"))
    for found in ([], ["b", "a"], ["a"], ["a", "\r\nERROR \x1b[2J\u202e", "x" * 10**6]):
        names.note(found)
    for _ in range(2):
        names.note([f"name_{number}" for number in range(1000)])
    names.note(["one_more"])
    told = [record.getMessage() for record in caplog.records]
    begin = "a_stream: fields that have no column are put into _extra: "
    assert told == [
        f"{begin}a, b",
        begin + r"'\r\nERROR \x1b[2J\u202e', " + f"'{'x' * 100}'… (1000000 characters)",
        f"{begin}name_0, name_1, name_10, name_100, name_101, name_102",
    ]


def test_names_are_told_of_once_whatever_thread_finds_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    names = NewNames("a_stream", logging.getLogger("test"))
    threads = [threading.Thread(target=names.note, args=(["a"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(caplog.records) == 1


@pytest.mark.parametrize("fault", [b"", b',{"id":5}'])
def test_a_megabyte_of_names_or_of_events_takes_linear_time(fault: bytes) -> None:
    names = b",".join(b'"name %d":%d' % (number, number) for number in range(60_000))
    events = b",".join(b'{"id":"a","x":1}' for _ in range(60_000))
    body = b'{"items":[{"id":"a",' + names + b"}," + events + fault + b"]}"
    if fault:
        with pytest.raises(msgspec.ValidationError, match=r"items\[60001\]\.id"):
            decode(body)
    else:
        assert len(decode(body).names) == 60_001
