"""Tap and loader, each ended at any moment, or both: the tables are those of a quiet load."""

from __future__ import annotations

import json
import os
import signal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.running import run, running
from tests.trust.world import KEYS, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.singer import Tap
    from tests.target.loading import Place, Row

CRASHES = 2
BLOCK = 32 * 1024  # bytes that are handed on at a time
LONG = 10  # histories of each destination


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ending" in metafunc.fixturenames:
        long = metafunc.config.getoption("--long")
        metafunc.parametrize("ending", range(LONG if long else 1))


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/").running() as world:
        yield world


def crash(tap: Tap, place: Place, state: Any, size: int, chance: Random) -> Any:
    """Let the tap write into the loader, and end one of them or both; the last STATE."""
    source = tap.start(state=state)
    assert source.stdout
    with running(place, tap.folder, batch_rows=60) as loader, source.stdout as lines:
        rest = chance.randrange(size)
        while rest and (block := os.read(lines.fileno(), min(rest, BLOCK))):
            loader.stdin.write(block)
            rest -= len(block)
        how = chance.choice(["kill the tap", "end the tap", "kill the loader", "kill both"])
        if how in {"kill the loader", "kill both"}:
            loader.send_signal(signal.SIGKILL)
        source.send_signal(signal.SIGTERM if how == "end the tap" else signal.SIGKILL)
        while how.endswith("the tap") and (block := os.read(lines.fileno(), BLOCK)):
            loader.stdin.write(block)
        loader.stdin.close()
        said = loader.stdout.read().split(b"\n")[:-1]
        loader.wait()
        assert "Traceback" not in loader.log
    source.wait(timeout=60)
    return json.loads(said[-1]) if said else state


def contents(rows: list[Row]) -> list[Row]:
    """Rows, but for where an export's file was."""
    return [{name: cell for name, cell in row.items() if name != "_file"} for row in rows]


def test_nothing_is_lost_whoever_is_ended(
    place: Place, world: World, tmp_path: Path, ending: int
) -> None:
    tap = world.tap(tmp_path)
    quiet = tap.run()
    lines = [line.encode() for line in quiet.lines]
    chance, state = Random(ending), None
    for _ in range(CRASHES):
        state = crash(tap, place, state, sum(map(len, lines)), chance)
    rest = tap.run(state=state)
    assert rest.code == 0, rest.log
    done = run(place, [line.encode() for line in rest.lines], tmp_path)
    assert done.code == 0, done.log
    found = {stream: contents(place.read(stream)) for stream in KEYS}
    for stream, rows in found.items():
        assert len(rows) == world.truth(stream).total(), stream
    assert run(place, lines, tmp_path).code == 0
    assert {stream: contents(place.read(stream)) for stream in KEYS} == found
