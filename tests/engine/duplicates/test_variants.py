"""Rows with one key are told apart by their content."""

from __future__ import annotations

import pytest

from tap_eventexport.engine.duplicates import variants
from tap_eventexport.engine.duplicates.variants import Counts, Row, Variants
from tap_eventexport.engine.errors import FatalVendorError, ShutdownRequested

ROWS = [
    Row(b"a", b"z", 0),
    Row(b"b", b"1", 1),
    Row(b"a", b"m", 2),
    Row(b"a", b"z", 3),
    Row(b"a", b"\xff", 4),
    Row(b"b", b"1", 5),
]


def test_contents_are_numbered_in_their_order() -> None:
    with Variants(lambda: None) as made:
        made.add(ROWS)
        made.take([b"a:1", b"b:1", b"a:1"])
        assert made.counts() == Counts(1, 3)
        assert list(made.numbers()) == [(0, 2), (3, 2), (4, 3)]


def test_nothing_has_no_number() -> None:
    with Variants(lambda: None) as made:
        assert made.counts() == Counts(0, 0)
        assert not list(made.numbers())


def test_a_run_that_is_to_end_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "STEPS", 1)

    def look() -> None:
        raise ShutdownRequested

    with Variants(look) as made, pytest.raises(ShutdownRequested):
        made.add(ROWS)


def test_a_full_disk_is_told() -> None:
    with Variants(lambda: None) as made:
        made._database.execute("PRAGMA max_page_count = 4")  # noqa: SLF001
        with pytest.raises(FatalVendorError, match="database or disk is full; make room"):
            made.add(Row(b"a", b"x" * 1000, place) for place in range(1000))
