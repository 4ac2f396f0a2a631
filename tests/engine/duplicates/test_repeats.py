"""Ids that are repeated are counted, as far back as they are remembered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.duplicates import repeats
from tap_eventexport.engine.duplicates.repeats import ListedIds, RepeatedIds

if TYPE_CHECKING:
    import pytest


def test_only_an_id_with_other_content_counts() -> None:
    ids = RepeatedIds()
    ids.note([("1", "a"), ("2", "a"), ("1", "a")])
    assert ids.count == 0
    ids.note([("1", "b"), ("2", "b"), ("3", "b")])
    assert ids.count == 2


def test_only_so_many_ids_take_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_IDS", 2)
    ids = RepeatedIds()
    ids.note([("1", "a"), ("2", "a")])
    ids.note([("3", "a")])
    ids.note([("1", "b"), ("3", "b")])
    assert ids.count == 1


pages_of_ids = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2)), max_size=8), max_size=8
)


@given(pages_of_ids)
def test_pages_of_a_list_are_compared_with_those_before(
    pages: list[list[tuple[str, int]]],
) -> None:
    ids, last = ListedIds(), dict[str, int]()
    for page in pages:
        known, expected = dict(last), 0
        for identity, content in page:
            expected += known.setdefault(identity, content) != content
        got = ids.note([identity for identity, _ in page], [content for _, content in page])
        assert got == expected
        last.update(page)


def test_only_a_few_pages_of_a_list_take_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "FEWEST", 3)
    ids = ListedIds()
    assert [ids.note([identity], ["a"]) for identity in "abcde"] == [0] * 5
    assert [ids.note([identity], ["b"]) for identity in "db"] == [1, 0]
    assert ids.note(["f", "g", "h", "i"], ["a"] * 4) == 0
    assert ids.note(["f", "d"], ["b"] * 2) == 1


def test_their_number_is_told_if_there_are_some(caplog: pytest.LogCaptureFixture) -> None:
    ids = RepeatedIds()
    ids.tell("a_stream", logging.getLogger("test"))
    assert not caplog.messages
    ids.add(2)
    ids.tell("a_stream", logging.getLogger("test"))
    assert "a_stream: 2 records have the same id as another record" in caplog.text
