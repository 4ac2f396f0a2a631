"""Answers that hold JSON, or should."""

from __future__ import annotations

import msgspec
import pytest

from tap_eventexport.engine.answers import decoded, envelope, quoted
from tap_eventexport.engine.errors import RetriableVendorError
from tap_eventexport.engine.http import Answer

BROKEN = [b'{"a": ', b"\xff\xfe{\x00", b"[" * 10**6, b"<html>secret</html>", b""]
decode = msgspec.json.Decoder(dict[str, int]).decode


def answer(body: bytes) -> Answer:
    return Answer(200, {"Content-Type": "text/html; charset=x"}, body, "GET https://v.example/x")


def test_json_is_decoded() -> None:
    assert decoded(answer(b'{"a": 1}'), decode, "list of numbers") == {"a": 1}


@pytest.mark.parametrize("body", BROKEN)
def test_anything_else_is_told_of_and_not_quoted(body: bytes) -> None:
    with pytest.raises(RetriableVendorError, match="which is no list of numbers") as told:
        decoded(answer(body), decode, "list of numbers")
    assert f"GET https://v.example/x answered 200 with {len(body)} bytes" in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("body", [*BROKEN, b"[1]", b"5"])
def test_an_envelope_is_an_object_or_nothing(body: bytes) -> None:
    assert envelope(answer(body)) == {}
    assert envelope(answer(b'{"message": "no"}')) == {"message": "no"}


def test_a_vendors_words_are_on_one_line_and_few() -> None:
    assert quoted(" no\r\n  such\tkey ") == "no such key"
    assert len(quoted("x" * 10_000)) == 200
    assert quoted(None) == "None"
