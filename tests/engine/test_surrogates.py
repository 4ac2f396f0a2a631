"""Halves of characters in JSON are replaced, and nothing else is."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.surrogates import tolerant, without_halves

decode = tolerant(msgspec.json.decode)
pieces = st.sampled_from(["\ud83d", "\ude00", "😀", "\\", "\\ud83d", '"', "u", "d83d", "\n", "한"])


@given(text=st.lists(pieces).map("".join), is_escaped=st.booleans())
def test_halves_become_the_replacement_character(text: str, *, is_escaped: bool) -> None:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    body = json.dumps({"a": [text]})
    assert decode(body.encode()) == {"a": [whole]}
    if is_escaped:
        assert msgspec.json.decode(without_halves(json.dumps(body).encode())) == body


def test_what_is_broken_otherwise_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(rb'{"a": "\ud83d"')
