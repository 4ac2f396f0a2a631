"""Keys depend on content alone."""

from __future__ import annotations

import json
import random
import struct
import tempfile
from collections import Counter
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.bodies import disk_set
from tap_eventexport.engine.bodies.disk_set import DiskHashSet
from tap_eventexport.engine.duplicates.identity import DuplicateKeys, content_key, parsed
from tap_eventexport.engine.errors import FatalVendorError


def test_the_key_of_a_content_is_for_ever() -> None:
    assert content_key(["a", None, 5, {"b": [1.5, "한국"], "a": True}]) == (
        "1f388b35fd3440695235c2fd182c12af7ab1f83f25a1722edf7f85f34a9cefe6"
    )


def test_the_order_of_names_makes_no_difference() -> None:
    assert content_key([{"a": 1, "b": 2}]) == content_key([{"b": 2, "a": 1}])
    assert content_key(["a", "b"]) != content_key(["b", "a"])


def key_of(text: str) -> str:
    return content_key([parsed(f'{{"a":[{text}]}}'.encode())])


def key_of_old(text: str) -> str:
    """As keys were made when every number with a point or an exponent was a float."""
    return content_key([msgspec.json.decode(f'{{"a":[{text}]}}')])


floats = st.floats(allow_nan=False, allow_infinity=False)


@given(floats)
@example(5e-324)
@example(1.7976931348623157e308)
@example(-0.0)
@example(9007199254740992.0)
def test_every_way_to_write_a_float_keeps_its_key(number: float) -> None:
    """The shortest, as most do; with 17 digits, as others do; and all of its digits."""
    old = key_of_old(repr(number))
    for text in (repr(number), f"{number:.17g}", f"{number:.16e}", f"{Decimal(number):E}"):
        if "." in text or "e" in text:
            assert key_of(text) == old == key_of_old(text), text


@given(st.integers(-(10**30), 10**30), st.integers(-6, 6))
@example(1, 0)
@example(2**64, 0)
@example(1000, 3)
def test_ordinary_numbers_keep_their_keys(number: int, exponent: int) -> None:
    assert key_of(str(number)) == key_of_old(str(number))
    short = number % 10**15
    for text in (f"{short}.0", f"{short}e{exponent}", f"-{short}.50", str(Decimal(short) / 1000)):
        assert key_of(text) == key_of_old(text), text


@given(st.recursive(st.none() | st.booleans() | st.text() | floats | st.integers(), st.lists))
def test_ordinary_values_keep_their_keys(value: object) -> None:
    text = json.dumps(value)
    assert content_key([parsed(text.encode())]) == content_key([msgspec.json.decode(text)])


@pytest.mark.parametrize(
    "texts",
    [
        ("0.12345678901234567891", "0.12345678901234567892"),
        ("1.00000000000000000001", "1.00000000000000000002", "1.0"),
        ("9007199254740993.0", "9007199254740992.0", "9007199254740993"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.6"),
        ("1e400", "1e401", "-1e400", "1e99999999999999999999999", "null"),
        ("1e-400", "0.0", "1e-99999999999999999999999"),
        ("123456789012345678901234567890", "123456789012345678901234567891"),
        ("1" * 5000, "1" * 4999 + "2", "1" * 5001),
        ("0.12345678901234567891", '"0.12345678901234567891"'),
        ("1", "1.0"),
    ],
)
def test_numbers_that_differ_in_any_digit_make_different_keys(texts: tuple[str, ...]) -> None:
    assert len({key_of(text) for text in texts}) == len(texts)


@given(st.binary(min_size=8, max_size=8))
def test_neighbours_of_a_float_are_told_apart(pattern: bytes) -> None:
    (number,) = struct.unpack("d", pattern)
    if isfinite(number):
        exact = f"{Decimal(number):f}"
        dotted = exact if "." in exact else f"{exact}.0"
        assert key_of(f"{dotted}1") != key_of(dotted)


def test_a_megabyte_of_digits_is_a_number_too() -> None:
    digits = "1" * 10**6
    texts = [digits, f"0.{digits}", f"{digits}.0", f"1e{digits}"]
    assert len({key_of(text) for text in texts}) == len(texts)


def test_twins_are_numbered_whatever_parts_they_come_in() -> None:
    content, other = content_key(["a"]), content_key(["b"])
    twins = DuplicateKeys()
    keys = [twins.key(content) for _ in range(5)]
    assert keys[0] == content
    assert len(set(keys)) == 5
    assert twins.key(other) == other
    seen = twins.seen([content, other])
    assert seen == {content: 5, other: 1}
    assert [DuplicateKeys({content: 2}).key(content), DuplicateKeys(seen).key(content)] == [
        keys[2],
        twins.key(content),
    ]


@given(st.lists(st.integers(0, 5), max_size=60), st.randoms())
def test_the_same_records_get_the_same_keys_in_any_order(
    contents: list[int], chance: random.Random
) -> None:
    def keys() -> Counter[str]:
        twins = DuplicateKeys()
        return Counter(twins.key(content_key([content])) for content in contents)

    before = keys()
    chance.shuffle(contents)
    assert keys() == before
    assert len(before) == len(contents)


@given(st.lists(st.lists(st.integers(0, 9), max_size=6)))
def test_keys_of_many_records_are_those_of_each(blocks: list[list[int]]) -> None:
    together, each = DuplicateKeys(), DuplicateKeys()
    for block in blocks:
        contents = [content_key([number]) for number in block]
        assert together.keys(contents) == [each.key(content) for content in contents]


def test_many_twins_are_told_apart() -> None:
    twins, content = DuplicateKeys(), content_key(["a"])
    for _ in range(20_000):
        twins.key(content)
    assert twins.seen([content]) == {content: 20_000}


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 99)))
def test_a_number_set_is_a_set_in_memory_and_on_disk(numbers: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_set, "RUN", 8)
        patch.setattr(disk_set, "STEP", 3)
        patch.setattr(disk_set, "BITS", 64)
        patch.setattr(disk_set, "MASK", 63)
        added, expected = DiskHashSet(), set()
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
        patch.setattr(disk_set, "RUN", 8)
        patch.setattr(disk_set, "STEP", 3)
        patch.setattr(disk_set, "BITS", 64)
        patch.setattr(disk_set, "MASK", 63)
        added, expected = DiskHashSet(), set[int]()
        for numbers in parts:
            are_new = len(expected.union(numbers)) == len(expected) + len(numbers)
            assert added.add_new(numbers) == are_new
            expected.update(numbers if are_new else ())
        assert all(number in added for number in expected)
        assert not any(number in added for number in set(range(100)) - expected)


def test_a_large_number_set_misses_nothing() -> None:
    chance = random.Random(1)
    numbers = [chance.getrandbits(64) for _ in range(200_000)]
    added = DiskHashSet()
    assert all(added.add(number) for number in numbers)
    assert not any(added.add(number) for number in numbers)
    assert not any(number + 1 in added for number in numbers)


def test_a_full_disk_is_told_of_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> IO[bytes]:
        return Path("/dev/full").open("r+b", buffering=0)

    monkeypatch.setattr(disk_set, "RUN", 4)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    numbers = DiskHashSet()
    assert all(map(numbers.add, range(3)))
    with pytest.raises(FatalVendorError, match="No space left on device; make room there, or set"):
        numbers.add(3)
