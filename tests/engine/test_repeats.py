"""Ids that are repeated are counted, as far back as they are remembered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine import repeats
from tap_eventexport.engine.repeats import RepeatedIds

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


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2)), max_size=8)))
def test_pages_are_counted_as_their_records_are(pages: list[list[tuple[str, int]]]) -> None:
    ids, first, expected = RepeatedIds(), dict[str, int](), 0
    for page in pages:
        ids.note_all([identity for identity, _ in page], [content for _, content in page])
        for identity, content in page:
            expected += first.setdefault(identity, content) != content
    assert ids.count == expected


def test_their_number_is_told_if_there_are_some(caplog: pytest.LogCaptureFixture) -> None:
    ids = RepeatedIds()
    ids.note_all(["1", "1"], [5, 5])
    ids.tell("a_stream", logging.getLogger("test"))
    assert not caplog.messages
    ids.note_all(["1"], [6])
    ids.tell("a_stream", logging.getLogger("test"))
    assert "a_stream: 1 records have the id of another record" in caplog.text
