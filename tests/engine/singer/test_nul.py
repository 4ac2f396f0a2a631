"""A NUL is replaced wherever it is, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.singer.nul import MAX_ESCAPES, replace_nul

MANY = '"' * (MAX_ESCAPES + 1)


@pytest.mark.parametrize("before", ["", "a", "\\", '\\"', "\\\\", MANY, MANY + "\\"])
@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0"])
def test_a_nul_is_replaced(before: str, text: str) -> None:
    lines = json.dumps({text: [{"a": before + text}]}).encode()
    without = text.replace("\0", "\ufffd")
    assert json.loads(replace_nul(lines)) == {without: [{"a": before + without}]}


@pytest.mark.parametrize("before", ["", "a", "\\", '\\"', "\\\\", MANY, MANY + "\\"])
@pytest.mark.parametrize("text", ["", "\\u0000", "\\\\u0000", "\1", "u0000", "\\"])
def test_what_looks_like_a_nul_is_none(before: str, text: str) -> None:
    lines = json.dumps({"a": [before + text]}).encode()
    assert replace_nul(lines) is lines


@given(texts=st.lists(st.text(st.sampled_from('\0\1\\"u0a')), max_size=5), has_many=st.booleans())
def test_any_text(texts: list[str], *, has_many: bool) -> None:
    lines = json.dumps([MANY if has_many else "", *texts]).encode()
    replaced = replace_nul(lines)
    expected = [text.replace("\0", "\ufffd") for text in texts]
    assert json.loads(replaced)[1:] == expected
    assert (replaced is lines) == (texts == expected)
