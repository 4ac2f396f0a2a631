"""Answers that hold JSON, or should."""

from __future__ import annotations

import codecs
import gc
import json
from contextlib import suppress

import msgspec
import pytest

from tap_eventexport.engine.errors import RetriableVendorError
from tap_eventexport.engine.http.response import Response, error_body, one_line, parse_body

BROKEN = [b'{"a": ', b"\xff\xfe{\x00", b"[" * 10**6, b"<html>secret</html>", b""]
decode = msgspec.json.Decoder(dict[str, int]).decode
keep = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def response(body: bytes) -> Response:
    return Response(200, {"Content-Type": "text/html; charset=x"}, body, "GET https://v.example/x")


def test_json_is_decoded() -> None:
    assert parse_body(response(b'{"a": 1}'), decode, "list of numbers") == {"a": 1}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_mark_that_says_utf_8_is_no_part_of_json(mark: bytes) -> None:
    assert parse_body(response(mark + b'{"a": 1}'), decode, "list of numbers") == {"a": 1}
    told = response(mark + rb'{"message": "n\ud83do"}')
    assert error_body(told) == {"message": "n\ufffdo"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_a_fault(encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    body = mark + '{"a": 1}'.encode(encoding)
    with pytest.raises(
        RetriableVendorError, match="which is not the expected list of numbers"
    ) as told:
        parse_body(response(body), decode, "list of numbers")
    assert encoding == "utf-16-le" or "it is UTF-16, not UTF-8" in str(told.value)


@pytest.mark.parametrize("body", BROKEN)
def test_anything_else_is_told_of_and_not_quoted(body: bytes) -> None:
    with pytest.raises(
        RetriableVendorError, match="which is not the expected list of numbers"
    ) as told:
        parse_body(response(body), decode, "list of numbers")
    assert f"GET https://v.example/x answered 200 with {len(body)} bytes" in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "body", [b'{"a": "\xff\xfe"}', b'{\n"a": ["\xed\xa0\xbd"]}', b'{"a": "\x80"}\n']
)
def test_what_is_kept_raw_is_utf_8(body: bytes) -> None:
    with pytest.raises(RetriableVendorError, match=r"which is not the expected object: .*utf-8"):
        parse_body(response(body), keep, "object")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_is_kept_raw_is_on_one_line(end: bytes, mark: bytes) -> None:
    value = {"b": ["한\n", {"c": [1, {}]}]}
    body = json.dumps({"a": value}, indent=2, ensure_ascii=False).encode().replace(b"\n", end)
    raw = bytes(parse_body(response(mark + body + end), keep, "object")["a"])
    assert json.loads(raw) == value
    assert raw.splitlines() == [raw]


def test_halves_of_characters_are_replaced_in_what_is_kept_raw_too() -> None:
    raw = parse_body(response(b'{"a":\n["x\\ud83dy"]}'), keep, "object")["a"]
    assert json.loads(bytes(raw)) == ["x\ufffdy"]


@pytest.mark.parametrize("body", [b'{"a":[1, 2]}', b' {"a":[1, 2]}\r\n'])
def test_what_is_on_one_line_stays_as_it_is(body: bytes) -> None:
    assert bytes(parse_body(response(body), keep, "object")["a"]) == b"[1, 2]"


@pytest.mark.parametrize("body", [b"[\n" * 10**6, b'{"a":\n', b'{"a": "x\ny"}', b"\n"])
def test_lines_that_are_no_json_are_told_of(body: bytes) -> None:
    with pytest.raises(RetriableVendorError, match="which is not the expected object"):
        parse_body(response(body), keep, "object")


@pytest.mark.parametrize("body", [*BROKEN, b"[1]", b"5"])
def test_an_envelope_is_an_object_or_nothing(body: bytes) -> None:
    assert error_body(response(body)) == {}
    assert error_body(response(b'{"message": "no"}')) == {"message": "no"}


def test_a_vendors_words_are_on_one_line_and_few() -> None:
    assert one_line(" no\r\n  such\tkey ") == "no such key"
    assert len(one_line("x" * 10_000)) == 200
    assert one_line(None) == "None"


@pytest.mark.parametrize("body", [b"{}", b'{"a":1,"b":[' + b"[1]," * 10**6 + b"1]}", b"[" * 10**7])
def test_a_large_body_is_decoded_at_one_go(body: bytes) -> None:
    """Collections while it is decoded take most of the time, in which no signal is heard."""
    collections: list[str] = []

    def note(phase: str, _info: dict[str, int]) -> None:
        collections.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        with suppress(RetriableVendorError):
            parse_body(response(body), lambda text: len(msgspec.json.decode(text)), "object")
        assert len(collections) <= 2  # before or after
    finally:
        gc.callbacks.remove(note)
    assert gc.isenabled()
