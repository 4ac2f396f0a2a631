"""No record without a key passes, wherever it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.keys import check, guarded
from tap_eventexport.engine.page import Page


class Record(msgspec.Struct):
    first: str | None
    time: str | None = msgspec.field(default="t", name="_time")


NAMES = ("first", "_time")
GOOD = [Record("a"), Record("b")]


@pytest.mark.parametrize(
    ("records", "name", "number"),
    [
        ([*GOOD, Record("")], "first", 3),
        ([Record(None), *GOOD], "first", 1),
        ([*GOOD, Record("c", "")], "_time", 3),
        ([{"first": "a", "_time": "t"}, {"_time": "t"}], "first", 2),
        ([{"first": "a", "_time": None}], "_time", 1),
    ],
)
@pytest.mark.parametrize("spooled", [0, 1])
def test_a_record_without_a_key(records: list[Any], name: str, number: int, spooled: int) -> None:
    page = Page([GOOD, records], None, spooled=spooled)
    with pytest.raises(FatalVendorError, match=f"record {number + 2} of a page has no {name},"):
        list(guarded(page, NAMES, "a page").blocks)


def test_a_struct_without_such_a_column() -> None:
    with pytest.raises(FatalVendorError, match="record 1 of a page has no 'the key',"):
        check(GOOD, ["the key"], "a page")


def test_what_has_its_keys_passes() -> None:
    blocks: list[list[Any]] = [GOOD, [], [{"first": 0, "_time": "t"}]]
    assert guarded(Page(blocks, None), NAMES, "a page").blocks == blocks
    spooled = guarded(Page(iter(blocks), None, spooled=1), NAMES, "a page")
    assert list(spooled.blocks) == blocks
