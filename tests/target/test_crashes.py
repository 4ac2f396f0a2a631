"""Loads that are ended at any moment, in any way: the tables are those of a quiet load.

The tap is real: what it writes is recorded once. A load that goes on gets what the tap writes after
the last STATE that the loader let out, as the tap's own tests show.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.loading import DuckDbPlace, PostgresPlace
from tests.target.running import run, running
from tests.trust.world import KEYS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.target.loading import Place, Row
    from tests.target.running import Running

CRASHES = 2  # of each history, before a load may end by itself
BATCH_ROWS = 60
AFTER_STATE = 0.7  # how often it is waited for the loader to have let out a STATE
SHORT, LONG = 8, 67  # histories of each destination
# A fork ends by a signal as such until it has begun.
CODES = {0, 1, 143, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
BACKENDS = "from pg_stat_activity where application_name = 'target-eventexport'"
IGNORED = "_file"  # where an export's file was


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "history" in metafunc.fixturenames:
        long = metafunc.config.getoption("--long")
        metafunc.parametrize("history", range(LONG if long else SHORT))


@dataclass
class Recording:
    """What the tap wrote."""

    lines: list[str]

    def after(self, state: Any) -> Iterator[bytes]:
        """What it writes after a STATE: the SCHEMA of each stream again, and all that follows."""
        place = self._places.get(json.dumps(state), 0)
        schemas = {}
        for line in self.lines[:place]:
            message = json.loads(line)
            if message["type"] == "SCHEMA":
                schemas[message["stream"]] = line
        for line in (*schemas.values(), *self.lines[place:]):
            yield line.encode() + b"\n"

    @property
    def _places(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for number, line in enumerate(self.lines):
            message = json.loads(line)
            if message["type"] == "STATE":
                found.setdefault(json.dumps(message["value"]), number + 1)
        return found


@pytest.fixture(scope="module")
def recording(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recording")
    with World(store, f"{folder.parent.name}/{folder.name}/").running() as world:
        done = world.tap(folder).run()
        assert done.code == 0, done.log
        for stream in KEYS:
            assert len(done.heard.records[stream]) == world.truth(stream).total()
    assert sum('"STATE"' in line for line in done.lines) > 10
    return Recording(done.lines)


def tables(place: Place) -> dict[str, list[Row]]:
    return {
        stream: [{k: v for k, v in row.items() if k != IGNORED} for row in place.read(stream)]
        for stream in KEYS
    }


@pytest.fixture(scope="module")
def quiet(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """The tables of a load that nobody disturbs, in DuckDB."""
    folder = tmp_path_factory.mktemp("quiet")
    place = DuckDbPlace(folder / "events.duckdb")
    done = run(place, recording.after(None), folder)
    assert done.code == 0, done.log
    found = tables(place)
    for stream, key in KEYS.items():
        records = [json.loads(line) for line in recording.lines if f'"{stream}"' in line]
        keys = {each["record"][key] for each in records if each["type"] == "RECORD"}
        assert {row[key] for row in found[stream]} == keys
        assert len(found[stream]) == len(keys)
    return found


def ways_of(place: Place, loader: Running) -> dict[str, Callable[[], None]]:
    """What may happen to a load, by name, beside the end of its tap."""
    found: dict[str, Callable[[], None]] = {
        name: partial(loader.send_signal, number)
        for name, number in {
            "kill the loader": signal.SIGKILL,
            "end the loader": signal.SIGTERM,
            "interrupt the loader": signal.SIGINT,
        }.items()
    }
    if isinstance(place, PostgresPlace):

        def crash() -> None:
            for (pid,) in place.ask(f"select pid {BACKENDS}"):
                os.kill(pid, signal.SIGKILL)  # which makes the server start anew

        def cut() -> None:
            place.ask(f"select pg_terminate_backend(pid) {BACKENDS}")

        found["cut the connection"] = cut
        found["crash the backend"] = crash
    return found


def crash(
    loader: Running, ways: dict[str, Callable[[], None]], given: bytes, chance: Random
) -> str:
    """Hand on some of what is given, and let something happen; what was done."""
    name = chance.choice(["end the tap", *ways])
    cut = chance.randrange(len(given))
    happen = ways.get(name)
    first, *rest = (cut,) if happen is None else sorted((cut, chance.randrange(cut + 1)))
    with suppress(BrokenPipeError):
        loader.stdin.write(given[:first])
        if happen:
            if chance.random() < AFTER_STATE and b'"STATE"' in given[: first // 2]:
                loader.stdout.peek(1)  # type: ignore[attr-defined]
            happen()
            for place in rest:
                loader.stdin.write(given[first:place])
    loader.stdin.close()
    return f"{name} after {first} bytes"


def disturb(place: Place, recording: Recording, folder: Path, history: int) -> None:
    """Load with crashes, each time from the last STATE that came out; then to the end."""
    chance = Random(history)
    state: Any = None
    for _ in range(CRASHES):
        given = b"".join(recording.after(state))
        with running(place, folder, batch_rows=BATCH_ROWS) as loader:
            what = crash(loader, ways_of(place, loader), given, chance)
            said = loader.stdout.read().split(b"\n")[:-1]
            code = loader.wait()
            assert code in CODES, (what, code, loader.log)
            assert "Traceback" not in loader.log, (what, loader.log)
        state = json.loads(said[-1]) if said else state
        if isinstance(place, PostgresPlace):
            place.wait()
    done = run(place, recording.after(state), folder, batch_rows=BATCH_ROWS)
    assert done.code == 0, done.log
    assert [state, *done.states][-1] == json.loads(recording.lines[-1])["value"]


def test_the_tables_hold_all_whoever_is_ended_meanwhile(
    place: Place,
    recording: Recording,
    quiet: dict[str, list[Row]],
    tmp_path: Path,
    history: int,
) -> None:
    disturb(place, recording, tmp_path, history)
    assert tables(place) == quiet
