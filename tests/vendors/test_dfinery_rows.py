"""Columns of any name, types that are in force, values that fit, keys that are there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.server import Response
from tap_eventexport.vendors.dfinery.rows import column_names
from tests.vendors.conftest import ARRIVAL, ID, TIME, rows, table

if TYPE_CHECKING:
    from tests.vendors.conftest import Days

STREAM = "dfinery_events"
# fmt: off
NAMES = [
    'size 5"', "a\\b", "line\nERROR forged", "tab\t", "\x1b[2J", "%s", "a.b", "\U0001f600",
    "크기", "", "type", "record", "class", "$ref", "properties", "_sdc_extracted_at", "x" * 5000,
]
# fmt: on
PLAIN: dict[str, Any] = {}
MAPPED: dict[str, Any] = {"stream_maps": {STREAM: {"more": "'more'"}}}
both_paths = pytest.mark.parametrize("path", [PLAIN, MAPPED], ids=["as they are", "one by one"])


def values(record: dict[str, Any]) -> dict[str, Any]:
    """A record without its key, its time and what a stream map adds."""
    return {name: record[name] for name in record if name not in {ID, ARRIVAL, "more"}}


@both_paths
def test_any_text_is_a_name(days: Days, path: dict[str, Any]) -> None:
    expected = {name: f"value {number}" for number, name in enumerate(NAMES)}
    done = days.run(rows(NAMES, [*expected.values()]), **path)
    assert done.code == 0, done.log
    (record,) = done.heard.records[STREAM]
    assert values(record) == expected
    assert done.heard.schemas[STREAM][-1]["properties"].keys() >= set(NAMES)
    assert not any(line.startswith("ERROR") for line in done.log.splitlines())
    assert not any(sign in done.log for sign in ("\x1b", "x" * 1000))
    assert r"'line\nERROR forged'" in done.log_line("new columns")
    assert done.log_line("also begin with _sdc_: _sdc_extracted_at")
    assert done.log_line("columns without a name")


@both_paths
def test_a_nul_in_a_name_or_a_value_is_replaced(days: Days, path: dict[str, Any]) -> None:
    types = {"tags": "array"}
    csv = rows(["a\0", "a\ufffd", "tags"], ["1\0", "\\u0000", '["\\u0000", "\\\\u0000"]'])
    done = days.run(csv, dfinery_property_types=types, **path)
    (record,) = done.heard.records[STREAM]
    expected = {"a\ufffd": "1\ufffd", "a\ufffd_2": "\\u0000", "tags": ["\ufffd", "\\u0000"]}
    assert values(record) == expected
    assert done.heard.schemas[STREAM][-1]["properties"].keys() >= expected.keys()
    assert "\0" not in "".join(done.lines)


def test_discovery_and_a_catalog_take_any_name(days: Days) -> None:
    csv = rows(NAMES, NAMES)
    catalog = json.loads("\n".join(days.run(csv, arguments=["--discover"]).lines))
    assert catalog["streams"][0]["schema"]["properties"].keys() >= set(NAMES)
    done = days.run(csv, catalog=catalog)
    assert done.code == 0, done.log
    (record,) = done.heard.records[STREAM]
    assert {name: value or "" for name, value in values(record).items()} == dict(
        zip(NAMES, NAMES, strict=True)
    )
    assert "new columns" not in done.log


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a_2", "a", "a_3", "a"], ["a", "a_2", "a_4", "a_3", "a_5"]),
        (["", ""], ["", "_2"]),
        (["event_name"], ["df_event_name"]),
        (["event_name", "df_event_name"], ["event_name", "df_event_name"]),
        (["event_name", "event_name"], ["df_event_name", "event_name"]),
        (["df_event_name", "df_event_name"], ["df_event_name", "df_event_name_2"]),
    ],
)
def test_each_column_has_a_name_of_its_own(header: list[str], names: list[str]) -> None:
    assert column_names(header) == names


def test_a_hundred_thousand_columns_of_few_names() -> None:
    header = ["a"] * 50_000 + [f"a_{number}" for number in range(50_000)]
    assert len(set(column_names(header))) == len(header)


def test_columns_of_one_name_are_all_sent(days: Days) -> None:
    csv = rows(["colour", "colour", ID], ["red", "blue", "another"])
    done = days.run(csv, csv)
    assert values(done.heard.records[STREAM][0]) == {
        "colour": "red",
        "colour_2": "blue",
        f"{ID}_2": "another",
    }
    assert {record[ID] for record in done.heard.records[STREAM]} == {"1:id"}
    assert f"such as _2: colour, {ID}" in done.log_line("columns with the same name")


def test_a_property_of_the_services_own_called_event_name(days: Days) -> None:
    csv = rows(["df_event_name", "event_name"], ["df_login", "mine"])
    assert [values(record) for record in days.read(csv)] == [
        {"df_event_name": "df_login", "event_name": "mine"}
    ]
    days.dfinery.has_event_name = True
    kinds = {
        (record["df_event_name"], record["event_name"].removesuffix(" of the service"))
        for record in days.read()
    }
    assert kinds == {(kind, kind) for kind, _ in kinds}
    assert len(kinds) == 4


def test_halves_of_characters_are_replaced(days: Days) -> None:
    for quote in (b"", b'"'):
        header = b"%s,%s,%sa\xed\xa0\xbd%s\n" % (ID.encode(), ARRIVAL.encode(), quote, quote)
        csv = header + f"1:id,{TIME},x".encode() + b"\xed\xb8\x80\n"
        assert [values(record) for record in days.read(csv)] == [{"a\ufffd": "x\ufffd"}]


# The types in force


@both_paths
def test_a_type_that_is_set_is_in_schema(days: Days, path: dict[str, Any]) -> None:
    types = {"df_items_df_price": "string", "df_order_id": "integer", "df_event_log_id": "number"}
    csv = rows([*types, "more_lists"], ["1,000", "5", "1773878400000.5", "[1]"])
    done = days.run(csv, dfinery_property_types={**types, "more_lists": "array"}, **path)
    assert done.code == 0, done.log
    assert values(done.heard.records[STREAM][0]) == {
        "df_items_df_price": "1,000",
        "df_order_id": 5,
        "df_event_log_id": 1773878400000.5,
        "more_lists": ["1"],
    }
    for schema in done.heard.schemas[STREAM]:
        kinds = {name: schema["properties"][name]["type"][0] for name in types}
        assert kinds == types


@both_paths
def test_a_catalog_is_older_than_the_types(days: Days, path: dict[str, Any]) -> None:
    names = ["visits", "df_items_df_price", "since", "tags"]
    csv = rows(names, ["7", "1.5", "2026-03-19", '["a"]'])
    old = {"visits": "integer", "since": "date-time"}
    discovered = days.run(csv, arguments=["--discover"], dfinery_property_types=old)
    catalog = json.loads("\n".join(discovered.lines))
    properties = catalog["streams"][0]["schema"]["properties"]
    assert properties["visits"]["type"] == ["integer", "null"]
    new = {"df_items_df_price": "string", "since": "string", "tags": "array"}
    done = days.run(csv, catalog=catalog, dfinery_property_types=new, **path)
    assert done.code == 0, done.log
    assert values(done.heard.records[STREAM][0]) == {
        "visits": "7",
        "df_items_df_price": "1.5",
        "since": "2026-03-19",
        "tags": ["a"],
    }
    assert done.log_line("the tap has other types for: df_items_df_price, since, tags, visits")
    for name in names:
        expected = "array" if name == "tags" else "string"
        assert done.heard.schemas[STREAM][0]["properties"][name]["type"][0] == expected


@pytest.mark.parametrize(
    ("name", "kind", "own"),
    [(ID, "integer", "string"), (ID, "array", "string"), (ARRIVAL, "string", "date-time")],
)
def test_no_type_may_break_the_keys(days: Days, name: str, kind: str, own: str) -> None:
    done = days.run(dfinery_property_types={name: kind})
    assert done.code == 1
    assert f'dfinery_property_types["{name}"]: got "{kind}", expected "{own}"' in done.log
    assert not days.sandbox.requests
    assert days.run(arguments=["--test"], dfinery_property_types={name: own}).code == 0


# Values


def test_values_of_every_form(days: Days) -> None:
    types = {"at": "date-time", "count": "integer", "size": "number", "is_on": "boolean"}
    written = [
        ["1900-01-01 00:00:00", "007", "1e308", "TRUE"],
        ["1900-01-01 00:00:59.5", "-" + "9" * 40, "-0.10", "false"],
        ["0001-01-02 00:00:00", "0", "0.1000000000000000000001", ""],
        ["9999-12-31 23:59:59.999", "", "12900.0", "False"],
        [" 2026-03-19T00:00:00.123456789+00:00 ", "1", "1E5", "true"],
        ["2026.3.19 9:05", "2", "9" * 308, "True"],
    ]
    records = days.read(rows([*types], *written), dfinery_property_types=types)
    assert [record["at"] for record in records] == [
        "1899-12-31T15:32:08.000Z",
        "1899-12-31T15:33:07.500Z",
        "0001-01-01T15:32:08.000Z",
        "9999-12-31T14:59:59.999Z",
        "2026-03-19T00:00:00.123Z",
        "2026-03-19T00:05:00.000Z",
    ]
    assert [record["count"] for record in records] == [7, -int("9" * 40), 0, None, 1, 2]
    expected = [1e308, -0.1, 0.1, 12900.0, 1e5, int("9" * 308)]
    assert [record["size"] for record in records] == expected
    assert [record["is_on"] for record in records] == [True, False, None, False, True, True]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date-time", "0001-01-01 00:00:00"),
        ("date-time", "1610123190036"),
        ("date-time", "2026-02-30"),
        ("date-time", "2026-W01-1"),
        ("date-time", "\u0662\u0660\u0662\u0665.\u0661.\u0666"),
        ("integer", "9" * 5000),
        ("number", "1e400"),
        ("number", "NaN"),
        ("boolean", "yes"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_column_and_row(
    days: Days, kind: str, text: str
) -> None:
    csv = rows(["odd\nname"], *([[""]] * 1500), [text])
    done = days.run(csv, dfinery_property_types={"odd\nname": kind})
    assert done.code == 1
    line = done.log_line(f"{STREAM} failed")
    assert rf"column 'odd\nname', row 1501: a value that is not of type {kind}" in line
    assert line.endswith("correct its type in dfinery_property_types")
    assert text not in line
    assert "Traceback" not in done.log
    assert not done.heard.states


def test_advice_for_a_documented_column_can_be_followed(days: Days) -> None:
    csv = rows(["df_items_df_price"], ["1,000"])
    line = days.run(csv).log_line(f"{STREAM} failed")
    assert 'set it to "string" in dfinery_property_types' in line
    (record,) = days.read(csv, dfinery_property_types={"df_items_df_price": "string"})
    assert record["df_items_df_price"] == "1,000"


# Keys


@both_paths
@pytest.mark.parametrize(
    ("name", "row"), [(ID, ["", TIME]), (ID, ["null", TIME]), (ARRIVAL, ["3:c", ""])]
)
def test_no_row_is_sent_without_its_key(
    days: Days, path: dict[str, Any], name: str, row: list[str]
) -> None:
    good = [[f"{number}:id", TIME] for number in range(1, 1501)]
    done = days.run(table([ID, ARRIVAL], *good), table([ID, ARRIVAL], *good, row), **path)
    assert done.code == 1
    assert f"column {name}, row 1501: it is empty" in done.log_line(f"{STREAM} failed")
    assert all(record[name] for record in done.heard.records[STREAM])
    assert (done.heard.bookmark(STREAM) or "")[:10] == "2026-03-18"


def test_no_stream_map_takes_a_key_away(days: Days) -> None:
    csv = rows(["note"], ["a"], ["b"], [""])
    done = days.run(csv, stream_maps={STREAM: {ID: "note"}})
    assert done.code == 1
    assert f"{ID} is a key, but it is empty" in done.log_line(f"{STREAM} failed")
    assert not done.heard.records


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_only_200_is_a_day(days: Days, status: int) -> None:
    csv = rows(["a"], ["b"])
    body = b"" if status == 204 else csv
    done = days.run(Response(status, body))
    assert done.code == 1
    assert f"answered {status}" in done.log_line(f"{STREAM} failed")
    assert not done.heard.records
    assert not done.heard.states
    days.sandbox.requests.clear()
    done = days.run(Response(status, body), csv)
    assert done.code == 0, done.log
    assert len(days.sandbox.requests) == 3


LONG = {  # a field, and how many characters it has
    "quotes": (b'"' + b'""' * 2**19 + b'"', 2**19),
    "commas": (b'"' + b"," * 2**20 + b'"', 2**20),
    "line breaks": (b'"' + b"\r\n" * 2**19 + b'"', 2**20),
    "braces": (b"{" * 2**20, 2**20),
    "brackets": (b"[" * 2**20, 2**20),
    "digits": (b"1" * 2**20, 2**20),
}


@pytest.mark.parametrize("kind", ["string", "array"])
def test_a_megabyte_of_anything_is_a_text(days: Days, kind: str) -> None:
    fields = [field for field, _ in LONG.values()]
    lines = [b"%d:id,%s,%s" % (row, TIME.encode(), field) for row, field in enumerate(fields, 1)]
    csv = b"\n".join([f"{ID},{ARRIVAL},text".encode(), *lines])
    records = days.read(csv, dfinery_property_types={"text": kind})
    found = [record["text"] for record in records]
    if kind == "array":
        assert all(len(items) == 1 for items in found)
        found = [item for (item,) in found]
    assert list(map(len, found)) == [size for _, size in LONG.values()]


def test_a_service_of_many_columns(days: Days) -> None:
    names = [f"column {number}" for number in range(3_000)]
    (record,) = days.read(rows(names, names))
    assert values(record) == dict(zip(names, names, strict=True))
