"""Lines are whole wherever what comes is cut."""

from __future__ import annotations

import io
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_eventexport.lines import UnfinishedLineError, file_blocks, stdin_blocks, whole_lines

LINES = st.lists(st.sampled_from([b"", b'{"a": 1}', b"x", b"\r", b"  ", "한\u2028".encode()]))


@given(LINES, st.lists(st.integers(0, 80)))
def test_blocks_may_be_cut_anywhere(lines: list[bytes], cuts: list[int]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    blocks = [text[start:end] for start, end in pairwise(places)]
    found = [line for some in whole_lines(iter(blocks)) for line in some]
    assert found == lines


def test_nothing_comes_of_silence() -> None:
    assert [*whole_lines(iter([b"", b"a", b"", b"\n", b""]))] == [[], [], [], [b"a"], []]


@pytest.mark.parametrize("end", [b'{"a": 1}', b"5", b' {"a": [1]} '])
def test_a_last_line_without_an_end_is_one_if_it_is_whole(end: bytes) -> None:
    assert [*whole_lines(iter([b"a\n" + end]))] == [[b"a"], [end]]


@pytest.mark.parametrize("end", [b"  ", b"", b"\r"])
def test_blank_at_the_end_is_no_line(end: bytes) -> None:
    assert [line for some in whole_lines(iter([b"a\n", end])) for line in some] == [b"a"]


@pytest.mark.parametrize("end", [b'{"a": 1', b'"\xff"', b"[" * 100_000, b"{} {}", b"\0"])
def test_a_last_line_that_is_cut_is_an_error_after_all_others(end: bytes) -> None:
    lines = whole_lines(iter([b"a\n", end]))
    assert next(lines) == [b"a"]
    with pytest.raises(UnfinishedLineError, match="the tap has failed"):
        list(lines)


def test_a_line_of_many_blocks() -> None:
    blocks = [b"x" * 1000] * 1000
    found = [line for some in whole_lines(iter([*blocks, b"\n"])) for line in some]
    assert found == [b"x" * 1_000_000]


def test_a_descriptor_that_says_nothing_yields_nothing() -> None:
    read, write = os.pipe()
    try:
        blocks = stdin_blocks(read, 0.0)
        assert next(blocks) == b""
        os.write(write, b"abc")
        assert next(blocks) == b"abc"
        os.close(write)
        assert [*blocks] == []
    finally:
        os.close(read)


def test_a_file_yields_its_text() -> None:
    assert b"".join(file_blocks(io.StringIO("한\n" * 600_000))) == "한\n".encode() * 600_000
