"""A NUL is found wherever it is, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.singer.nul import MAX_ESCAPES, has_nul

MANY = '"' * (MAX_ESCAPES + 1)


@pytest.mark.parametrize("before", ["", "a", "\\", '\\"', "\\\\", MANY, MANY + "\\"])
@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0"])
def test_a_nul_is_found(before: str, text: str) -> None:
    assert has_nul(json.dumps({"a": [before + text]}).encode())


@pytest.mark.parametrize("before", ["", "a", "\\", '\\"', "\\\\", MANY, MANY + "\\"])
@pytest.mark.parametrize("text", ["", "\\u0000", "\\\\u0000", "\1", "u0000", "\\"])
def test_what_looks_like_a_nul_is_none(before: str, text: str) -> None:
    assert not has_nul(json.dumps({"a": [before + text]}).encode())


@given(texts=st.lists(st.text(st.sampled_from('\0\1\\"u0a')), max_size=5), has_many=st.booleans())
def test_any_text(texts: list[str], *, has_many: bool) -> None:
    lines = json.dumps([MANY if has_many else "", *texts]).encode()
    assert has_nul(lines) == any("\0" in text for text in texts)
