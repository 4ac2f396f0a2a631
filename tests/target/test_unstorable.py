"""What JSON can write and no database can store becomes U+FFFD, and nothing else changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_eventexport.unstorable import may_be_unstorable, storable

ESCAPES = st.text(
    st.one_of(st.characters(categories=["Cs"]), st.sampled_from('\0\\u0dDa"/\n😀한')), max_size=8
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"\u0000"', r'"\ufffd"'),
        (r'"a\u0000b\u0000"', r'"a\ufffdb\ufffd"'),
        (r'"\\u0000"', r'"\\u0000"'),
        (r'"\\\u0000"', r'"\\\ufffd"'),
        (r'"\ud83d"', r'"\ufffd"'),
        (r'"\uDE00"', r'"\ufffd"'),
        (r'"\ud83d\ude00"', r'"\ud83d\ude00"'),
        (r'"\uD83D\uDE00"', r'"\uD83D\uDE00"'),
        (r'"\ud83d\ud83d\ude00"', r'"\ufffd\ud83d\ude00"'),
        (r'"\ude00\ud83d"', r'"\ufffd\ufffd"'),
        (r'"\ud83d\u0041"', r'"\ufffd\u0041"'),
        (r'"\ud83d\\ude00"', r'"\ufffd\\ude00"'),
        (r'{"\u0000": 1}', r'{"\ufffd": 1}'),
        (r'"\ud7ff\ue000"', r'"\ud7ff\ue000"'),
        (r'"\u00000"', r'"\ufffd0"'),
    ],
)
def test_what_becomes_of_escapes(text: str, expected: str) -> None:
    assert storable(text.encode()) == expected.encode()


@given(ESCAPES)
def test_any_text_becomes_one_that_can_be_stored(text: str) -> None:
    line = json.dumps(text).encode()
    found = json.loads(storable(line))
    expected = json.loads(line).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert found.replace("\0", "\ufffd") == found
    found.encode()  # has no half of a pair
    assert len(found) == len(expected)
    if found != json.loads(line):
        assert may_be_unstorable(line)
