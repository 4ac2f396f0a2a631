"""Texts that come more than once are found, in memory and on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import IO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tap_eventexport.engine.duplicates import doubles
from tap_eventexport.engine.duplicates.doubles import Doubles
from tap_eventexport.engine.errors import FatalVendorError


def found(texts: list[str]) -> Doubles:
    made = Doubles()
    for start in range(0, len(texts), 7):
        made.add(texts[start : start + 7])
    assert made.find() == (len(set(texts)) < len(texts))
    return made


@settings(deadline=None)
@given(st.lists(st.integers(0, 60).map(str), max_size=80), st.sampled_from([5, 20, 1000]))
@example([], 5)
@example(["a"] * 80, 5)
def test_every_double_is_found(texts: list[str], run: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(doubles, "RUN", run)
        made = found(texts)
    assert all(text in made for text, count in Counter(texts).items() if count > 1)


def test_hardly_any_other_text_is_taken_for_one() -> None:
    texts = [str(number) for number in range(200_000)]
    made = found([*texts, *texts[:1000]])
    assert all(text in made for text in texts[:1000])
    assert sum(text in made for text in texts[1000:]) < 100


def full() -> IO[bytes]:
    return Path("/dev/full").open("wb")


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubles, "RUN", 10)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(FatalVendorError, match="make room there"):
        found([str(number) for number in range(5000)])
