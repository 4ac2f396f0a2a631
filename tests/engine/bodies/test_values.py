"""Texts of a CSV become values, or are told not to fit."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tap_eventexport.engine.bodies import values
from tap_eventexport.engine.bodies.values import converter
from tap_eventexport.engine.windows import time_zone


def value(kind: str, text: str, zone: str = "Asia/Seoul") -> Any:
    (made,) = converter(kind, time_zone(zone))([text])
    return msgspec.json.encode(made).decode() if isinstance(made, msgspec.Raw) else made


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", "null", "null"),
        ("integer", "-12345678901234567890", -12345678901234567890),
        ("number", "12900.0", "12900.0"),
        ("number", "0.1000000000000000000001", "0.1000000000000000000001"),
        ("number", "-1e5", "-1e5"),
        ("boolean", "TRUE", True),
        ("boolean", "False", False),
        ("array", "null", None),
        ("array", '["a", null, ""]', ["a", None, ""]),
        (
            "array",
            '["a", 1, 0.10, true, {"b": [1]}, [ ]]',
            ["a", "1", "0.10", "true", '{"b": [1]}', "[ ]"],
        ),
        ("array", "[]", []),
        ("array", "a;b", ["a;b"]),
        ("date-time", "2025-01-06 10:38:10.036", "2025-01-06T01:38:10.036Z"),
        ("date-time", "2025-01-06 10:38:10", "2025-01-06T01:38:10.000Z"),
        ("date-time", "2025.1.6 9:05", "2025-01-06T00:05:00.000Z"),
        ("date-time", "2025.01.06 09:05:07", "2025-01-06T00:05:07.000Z"),
        ("date-time", "2025-01-06", "2025-01-05T15:00:00.000Z"),
        ("date-time", "2025-01-06T10:38:10.036Z", "2025-01-06T10:38:10.036Z"),
        ("date-time", "2025-01-06T10:38:10+02:00", "2025-01-06T08:38:10.000Z"),
        ("date-time", "2025-01-06T10:38:10.5+0200", "2025-01-06T08:38:10.500Z"),
        ("date-time", "2025-01-06T10:38Z", "2025-01-06T10:38:00.000Z"),
        ("date-time", "20250106T103810Z", "2025-01-06T10:38:10.000Z"),
        ("date-time", " 2025-01-06 10:38:10\t", "2025-01-06T01:38:10.000Z"),
        ("date-time", "2025-01-06 10:38:10.0369", "2025-01-06T01:38:10.036Z"),
        ("date-time", "2025-01-06 10:38:10.999999999", "2025-01-06T01:38:10.999Z"),
        ("date-time", "1900-01-01 00:00:00", "1899-12-31T15:32:08.000Z"),
        ("date-time", "1900-01-01 00:00:59.999", "1899-12-31T15:33:07.999Z"),
        ("date-time", "1908-04-01 00:02:30", "1908-03-31T15:32:30.000Z"),
        ("date-time", "1955-01-01 00:00:00", "1954-12-31T15:30:00.000Z"),
        ("date-time", "0001-01-02 00:00:00", "0001-01-01T15:32:08.000Z"),
        ("date-time", "9999-12-31 23:59:59.999", "9999-12-31T14:59:59.999Z"),
        ("date-time", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59.000Z"),
        ("integer", "007", 7),
        ("integer", "9" * 4300, int("9" * 4300)),
        ("number", "1e308", "1e308"),
        ("number", "9" * 308, "9" * 308),
        ("number", "1" * 300 + ".5", "1" * 300 + ".5"),
        ("array", '["\\ud83d", "\\ud83d\\ude00"]', ["\ufffd", "\U0001f600"]),
        ("array", '[1, "\\ud83d"]', ["1", "\ufffd"]),
        ("array", "[1e400]", ["1e400"]),
        ("array", "{}", ["{}"]),
        ("array", '"a"', ['"a"']),
    ],
)
def test_what_fits(kind: str, text: str, expected: Any) -> None:
    assert value(kind, text) == expected
    assert value(kind, "") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-10-25 02:30:00", "2026-10-25T00:30:00.000Z", id="twice: the earlier"),
        pytest.param("2026-03-29 02:30:00", "2026-03-29T01:30:00.000Z", id="skipped: as before"),
        pytest.param("2026-03-29 02:00:00.999", "2026-03-29T01:00:00.999Z", id="the first of it"),
        pytest.param("2026-03-29 03:30:00", "2026-03-29T01:30:00.000Z", id="after the change"),
    ],
)
def test_local_times_at_a_clock_change(text: str, expected: str) -> None:
    assert value("date-time", text, "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"),
        ("integer", "x"),
        ("integer", "1_000"),
        ("integer", "+1"),
        ("integer", "1e3"),
        ("integer", "9" * 4301),
        ("integer", "٣"),
        ("number", "12,900"),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", "-inf"),
        ("number", "1e400"),
        ("number", "-1e309"),
        ("number", "9" * 5000),
        ("number", "0012"),
        ("number", "01"),
        ("number", "+1"),
        ("number", ".5"),
        ("number", "5."),
        ("number", "0x10"),
        ("number", "\uff11\uff12"),
        ("boolean", "yes"),
        ("boolean", "0"),
        ("boolean", "1"),
        ("date-time", "tomorrow"),
        ("date-time", "2025-01-06 10:38:60"),
        ("date-time", "2025-01-06T10:38:60Z"),
        ("date-time", "2025-01-36 10:38:00"),
        ("date-time", "2026-02-30"),
        ("date-time", "2026-02-29 00:00:00"),
        ("date-time", "2025-01-06 24:00:00"),
        ("date-time", "2025-01-06T24:00:00Z"),
        ("date-time", "2025-01-06 10:60:00"),
        ("date-time", "2025-01-06T10:38:10+25:00"),
        ("date-time", "2026-W01-1"),
        ("date-time", "2026W011"),
        ("date-time", "2026-001"),
        ("date-time", "2025-01-06x10:38:10"),
        ("date-time", "2025.13.1"),
        ("date-time", "2025.1.6 24:00"),
        ("date-time", "1736127490036"),
        ("date-time", "1610123190036"),
        ("date-time", "1736127490"),
        ("date-time", "0"),
        ("date-time", "\u0662\u0660\u0662\u0665.\u0661.\u0666"),
        ("date-time", "\uff12\uff10\uff12\uff15-01-06"),
        ("date-time", "0000-01-01 00:00:00"),
        ("date-time", "0001-01-01 00:00:00"),
        ("date-time", "0001-01-01"),
        ("date-time", "9999-12-31T23:59:59-01:00"),
        ("date-time", "10000-01-01 00:00:00"),
        ("date-time", "-2025-01-06"),
    ],
)
def test_what_does_not_fit(kind: str, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says which value it was
        value(kind, text)


@pytest.mark.parametrize("kind", values.SCHEMAS)
@pytest.mark.parametrize("part", ["1", "[", '{"a":', "-", ".", " ", "e", "1.1", '"', "00:"])
@pytest.mark.parametrize("begin", ["", "2025-01-06 10:38:10.", "0.", "1e", "2025."])
def test_a_megabyte_takes_linear_time(kind: str, part: str, begin: str) -> None:
    with suppress(ValueError):
        value(kind, begin + part * (2**20 // len(part)))
    with suppress(ValueError):
        value(kind, begin + part * (2**20 // len(part)) + "x")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text('a\\"\n\0가'),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("a"), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_a_list_has_only_texts_that_hold_what_it_had(items: Any) -> None:
    made = value("array", json.dumps([items]))
    Draft202012Validator(values.SCHEMAS["array"]).validate(made)
    (item,) = made
    assert item == items if items is None or isinstance(items, str) else json.loads(item) == items


def test_columns_are_converted_in_whole() -> None:
    assert converter("string", time_zone("UTC"))(["", "a"]) == [None, "a"]
    assert converter("string", time_zone("UTC"))(["", ""]) == [None, None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2.50", "-0"], [b"1", b"2.50", b"-0"]),
        (["1", "", "2e3"], [b"1", None, b"2e3"]),
        ([""], [None]),
        ([], []),
    ],
)
def test_a_column_of_numbers_keeps_all_digits_in_order(
    texts: list[str], expected: list[bytes | None]
) -> None:
    made = converter("number", time_zone("UTC"))(texts)
    assert [None if raw is None else bytes(raw) for raw in made] == expected


@pytest.mark.parametrize("text", ["1\n2", "1\n", "\n"])
def test_two_lines_are_no_number(text: str) -> None:
    for texts in ([text], ["1", text]):
        with pytest.raises(ValueError):  # noqa: PT011 - the caller says which value it was
            converter("number", time_zone("UTC"))(texts)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2035, 1, 1)))  # noqa: DTZ001
@pytest.mark.parametrize("zone", ["Asia/Seoul", "Asia/Kolkata", "Europe/Berlin", "UTC"])
def test_the_usual_form_is_read_as_the_calendar_reads_it(zone: str, local: datetime) -> None:
    text = local.isoformat(" ", "milliseconds")
    expected = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert value("date-time", text, zone) == expected.isoformat(timespec="milliseconds")[:23] + "Z"


@st.composite
def times_of_a_column(draw: st.DrawFn) -> str:
    """A time in the usual form, at most one of whose characters is another."""
    local = draw(st.datetimes(min_value=datetime(1900, 1, 1)))  # noqa: DTZ001
    text: str = local.isoformat(" ", draw(st.sampled_from(["milliseconds", "seconds"])))
    place = draw(st.integers(0, len(text) - 1))
    other = draw(st.sampled_from([text[place], *"0369 :.-T٣\n", ""]))
    return f"{text[:place]}{other}{text[place + 1 :]}"


@given(st.lists(st.just("") | times_of_a_column(), max_size=4))
@example(["2025-01-06 10:38:60.036"])
@example(["2025-01-06 10:38:1 .036"])
@example(["2025-01-06 10:38:10.036", "2025-01-06 10:38:10,036"])
def test_a_column_in_the_usual_form_is_converted_as_one_with_gaps(texts: list[str]) -> None:
    convert = converter("date-time", time_zone("Asia/Seoul"))
    try:
        expected = [convert([text, ""])[0] for text in texts]
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - the caller says which value it was
            convert(texts)
    else:
        assert convert(texts) == expected


def test_minutes_are_remembered_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MINUTES", 2)
    texts = [f"2025-01-06 10:{minute:02}:{second:02}" for minute in range(5) for second in (1, 2)]
    made = converter("date-time", time_zone("Asia/Seoul"))(texts)
    assert list(made) == [f"2025-01-06T01:{text[14:]}.000Z" for text in texts]
