"""Keys depend on content alone."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine import numberset
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.identity import TwinKeys, content_key
from tap_eventexport.engine.numberset import NumberSet


def test_the_key_of_a_content_is_for_ever() -> None:
    assert content_key(["a", None, 5, {"b": [1.5, "한국"], "a": True}]) == (
        "1f388b35fd3440695235c2fd182c12af7ab1f83f25a1722edf7f85f34a9cefe6"
    )


def test_the_order_of_names_makes_no_difference() -> None:
    assert content_key([{"a": 1, "b": 2}]) == content_key([{"b": 2, "a": 1}])
    assert content_key(["a", "b"]) != content_key(["b", "a"])


def test_twins_are_numbered_whatever_parts_they_come_in() -> None:
    content, other = content_key(["a"]), content_key(["b"])
    twins = TwinKeys()
    keys = [twins.key(content) for _ in range(5)]
    assert keys[0] == content
    assert len(set(keys)) == 5
    assert twins.key(other) == other
    seen = twins.seen([content, other])
    assert seen == {content: 5, other: 1}
    assert [TwinKeys({content: 2}).key(content), TwinKeys(seen).key(content)] == [
        keys[2],
        twins.key(content),
    ]


@given(st.lists(st.integers(0, 5), max_size=60), st.randoms())
def test_the_same_records_get_the_same_keys_in_any_order(
    contents: list[int], chance: random.Random
) -> None:
    def keys() -> Counter[str]:
        twins = TwinKeys()
        return Counter(twins.key(content_key([content])) for content in contents)

    before = keys()
    chance.shuffle(contents)
    assert keys() == before
    assert len(before) == len(contents)


@given(st.lists(st.lists(st.integers(0, 9), max_size=6)))
def test_keys_of_many_records_are_those_of_each(blocks: list[list[int]]) -> None:
    together, each = TwinKeys(), TwinKeys()
    for block in blocks:
        contents = [content_key([number]) for number in block]
        assert together.keys(contents) == [each.key(content) for content in contents]


def test_many_twins_are_told_apart() -> None:
    twins, content = TwinKeys(), content_key(["a"])
    for _ in range(20_000):
        twins.key(content)
    assert twins.seen([content]) == {content: 20_000}


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 99)))
def test_a_number_set_is_a_set_in_memory_and_on_disk(numbers: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numberset, "RUN", 8)
        patch.setattr(numberset, "STEP", 3)
        patch.setattr(numberset, "BITS", 64)
        patch.setattr(numberset, "MASK", 63)
        added, expected = NumberSet(), set()
        for number in numbers:
            assert added.add(number) == (number not in expected)
            expected.add(number)
        assert all(number in added for number in numbers)
        assert [number in added for number in range(100)] == [
            number in expected for number in range(100)
        ]


@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 99), max_size=20)))
def test_numbers_are_added_together_if_all_are_new(parts: list[list[int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numberset, "RUN", 8)
        patch.setattr(numberset, "STEP", 3)
        patch.setattr(numberset, "BITS", 64)
        patch.setattr(numberset, "MASK", 63)
        added, expected = NumberSet(), set[int]()
        for numbers in parts:
            are_new = len(expected.union(numbers)) == len(expected) + len(numbers)
            assert added.add_new(numbers) == are_new
            expected.update(numbers if are_new else ())
        assert all(number in added for number in expected)
        assert not any(number in added for number in set(range(100)) - expected)


def test_a_large_number_set_misses_nothing() -> None:
    chance = random.Random(1)
    numbers = [chance.getrandbits(64) for _ in range(200_000)]
    added = NumberSet()
    assert all(added.add(number) for number in numbers)
    assert not any(added.add(number) for number in numbers)
    assert not any(number + 1 in added for number in numbers)


def test_a_full_disk_is_told_of_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> IO[bytes]:
        return Path("/dev/full").open("r+b", buffering=0)

    monkeypatch.setattr(numberset, "RUN", 4)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    numbers = NumberSet()
    assert all(map(numbers.add, range(3)))
    with pytest.raises(FatalVendorError, match="No space left on device; make room there, or set"):
        numbers.add(3)
