"""A steady run sends what is new and what has changed, and hardly anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.croct_events import EVENTS_OF_A_SESSION, EVENTS_OF_A_USER
from tests.trust.world import KEYS, TABLES, World, contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.singer import Heard

HOUR = timedelta(hours=1)
FIRST = timedelta(days=2, hours=10, minutes=17, seconds=31)  # from the start to the first run


@pytest.fixture
def busy(store: Store, tmp_path: Path) -> Iterator[World]:
    """Sixty events an hour of each stream."""
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    with World(store, directory, per_day=1440).running() as world:
        yield world


EVENTS_OF = {  # in one record
    "croct_sessions": EVENTS_OF_A_SESSION,
    "croct_users": EVENTS_OF_A_USER,
}


class Hourly:
    """A schedule of runs.

    Args:
        world: The vendors.
        folder: Where the command runs.
        settings: Settings that differ.
    """

    def __init__(self, world: World, folder: Path, **settings: Any) -> None:
        self.state: Any = None
        self._world = world
        self._folder = folder
        usual = {"croct_page_size": 1000, "ncp_page_size": 1000}
        self._settings = {**usual, **settings}

    def run(self, passed: timedelta) -> Heard:
        """Run so long after the start of the world's history."""
        self._world.shift = self._world.start + passed - datetime.now(UTC)
        tap = self._world.tap(self._folder, **self._settings)
        for name in ("end_date", *(name for name, value in self._settings.items() if not value)):
            tap.settings.pop(name, None)
        heard = tap.read(state=self.state)
        self.state = heard.states[-1]
        return heard


@pytest.mark.parametrize("lookback", [None, 1440])
def test_an_hourly_run_sends_what_is_new(busy: World, tmp_path: Path, lookback: int | None) -> None:
    hourly = Hourly(busy, tmp_path, lookback_minutes=lookback)
    first = hourly.run(FIRST)
    bookmarks = {name: first.bookmark(name) for name in KEYS}
    second = hourly.run(FIRST + HOUR)
    assert not second.records.keys() & TABLES
    for name in KEYS.keys() - TABLES:
        before = bookmarks[name]
        assert before
        new = busy.truth(name, datetime.fromisoformat(before), busy.now())
        assert 30 < new.total() * EVENTS_OF.get(name, 1) < 120
        assert len(second.records[name]) <= 1.3 * new.total(), name
    both = {name: {*found} for name, found in contents(first).items()}
    for name, found in contents(second).items():
        both[name] |= {*found}
    whole = contents(Hourly(busy, tmp_path, lookback_minutes=lookback).run(FIRST + HOUR))
    assert both == {name: {*found} for name, found in whole.items()}
    assert len(json.dumps(hourly.state)) < 64 << 10


def test_nothing_is_sent_again_where_nothing_has_changed(busy: World, tmp_path: Path) -> None:
    hourly = Hourly(busy, tmp_path, lookback_minutes=1440)
    bookmarks = hourly.run(FIRST).states[-1]["bookmarks"]
    again = hourly.run(FIRST + timedelta(minutes=1))
    assert not again.records.keys() & TABLES
    for name in bookmarks.keys() - TABLES:
        bookmark = bookmarks[name]
        times = [record[bookmark["replication_key"]] for record in again.records.get(name, [])]
        assert all(time >= bookmark["replication_key_value"] for time in times), name
