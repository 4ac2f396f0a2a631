"""Halves of characters are replaced, and nothing else is."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.bodies.surrogates import (
    REPLACE_LONE_SURROGATES,
    replace_lone_surrogates,
    replacing_lone_surrogates,
)

decode = replacing_lone_surrogates(msgspec.json.decode)
pieces = st.sampled_from(["\ud83d", "\ude00", "😀", "\\", "\\ud83d", '"', "u", "d83d", "\n", "한"])


@given(text=st.lists(pieces).map("".join), is_escaped=st.booleans())
def test_halves_become_the_replacement_character(text: str, *, is_escaped: bool) -> None:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    body = json.dumps({"a": [text]})
    assert decode(body.encode()) == {"a": [whole]}
    if is_escaped:
        assert msgspec.json.decode(replace_lone_surrogates(json.dumps(body).encode())) == body


@pytest.mark.parametrize("body", [b"{", rb'{"a": "\ud83d"'])
def test_what_is_broken_otherwise_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


@given(st.lists(pieces).map("".join))
def test_halves_that_were_written_as_utf_8_are_replaced(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    expected = "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    assert body.decode(errors=REPLACE_LONE_SURROGATES) == expected


@pytest.mark.parametrize("body", [b"\xff", b"\xed\xa0", b"\xed\xa0a", b"\xed", b"\xb0\xa1"])
def test_what_is_no_utf_8_stays_a_fault(body: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        body.decode(errors=REPLACE_LONE_SURROGATES)
    with pytest.raises(UnicodeEncodeError):
        "\ud83d".encode(errors=REPLACE_LONE_SURROGATES)
