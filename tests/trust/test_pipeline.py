"""Tap, loader and PostgreSQL, each ended at any moment: the tables are those of a quiet load."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psutil
import pytest

from tests.meltano import ROOT, Project
from tests.trust.world import KEYS, LENGTH, PERSONAL, World
from tests.values import differences, emitted, parsed, table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.postgres import Postgres
    from tests.singer import Tap

LOADER = ROOT / ".venv-target-postgres/bin/target-postgres"
KILLS = 10  # of each history, before a load may end by itself
LONGEST = 3.0  # seconds until a kill: a load takes about as long
BACKENDS = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"


def loader_settings(server: Postgres, schema: str) -> dict[str, Any]:
    return {**server.settings, "default_target_schema": schema}


@contextmanager
def loading(
    tap: Tap, server: Postgres, schema: str, state: Any
) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    """`tap | target-postgres`, from a state; both have ended when the block is left."""
    config = tap.folder / f"{schema}.json"
    config.write_text(json.dumps(loader_settings(server, schema)))
    source = tap.start(state=state)
    with (tap.folder / "loader.txt").open("w") as log:
        loader = subprocess.Popen(
            [LOADER, "--config", config],
            stdin=source.stdout,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert source.stdout
    source.stdout.close()
    yield source, loader
    source.wait(timeout=60)


def load(tap: Tap, server: Postgres, schema: str, state: Any) -> None:
    """Load without a disturbance."""
    with loading(tap, server, schema, state) as (source, loader):
        loader.communicate(timeout=60)
    assert (source.returncode, loader.returncode) == (0, 0), tap.log


def ways(
    server: Postgres, tap: Callable[[int], None], loader: Callable[[int], None]
) -> dict[str, Callable[[], None]]:
    """What may happen to a load, by name; whoever has ended already is left alone."""

    def cut() -> None:
        server.ask(f"select pg_terminate_backend(pid) {BACKENDS}")

    def crash() -> None:
        for (pid,) in server.ask(f"select pid {BACKENDS}")[:1]:
            os.kill(int(pid), signal.SIGKILL)  # which makes the server start anew

    return {
        "kill the tap": lambda: tap(signal.SIGKILL),
        "end the tap": lambda: tap(signal.SIGTERM),
        "kill the loader": lambda: loader(signal.SIGKILL),
        "end the loader": lambda: loader(signal.SIGTERM),
        "cut the loader's connections": cut,
        "crash a backend": crash,
    }


def rows(server: Postgres, schema: str, stream: str) -> list[list[str]]:
    """All that a table holds, but for where an export's file was and when the loader wrote."""
    contents = "select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(t))"
    contents += r" where key not like '\_sdc%' and key <> '_file'"
    return server.ask(f"select ({contents}) from {schema}.{stream} t order by 1")


def compare(
    server: Postgres, world: World, lines: list[str], without: Collection[str] = ()
) -> None:
    """Compare the tables with those of a quiet load, and these with what the tap sends."""
    streams = emitted(lines)
    for stream in KEYS.keys() - without:
        expected = table(streams[stream], streams[stream].records.values(), {"_file"})
        quiet = server.ask(f"select to_jsonb(t) from quiet.{stream} t")
        stored = table(streams[stream], [parsed(row) for (row,) in quiet], {"_file"})
        assert differences(stream, stored, expected) == []
        got = rows(server, "disturbed", stream)
        assert len(got) == world.truth(stream).total(), stream
        assert got == rows(server, "quiet", stream), stream


def test_the_tables_hold_all_whoever_is_ended_meanwhile(
    tap: Tap, world: World, server: Postgres, chaos: int
) -> None:
    chance = random.Random(chaos)
    load(tap, server, "quiet", None)
    state: Any = None
    for _ in range(KILLS):
        with loading(tap, server, "disturbed", state) as (source, loader):
            happenings = ways(server, source.send_signal, loader.send_signal)
            happening = chance.choice([*happenings.values()])
            timer = threading.Timer(chance.uniform(0.3, LONGEST), happening)
            timer.start()
            said, _ = loader.communicate(timeout=60)
            timer.cancel()
            timer.join()
        lines = said.splitlines()
        state = json.loads(lines[-1]) if lines else state
        server.wait()
    load(tap, server, "disturbed", state)
    compare(server, world, tap.run().lines)


@pytest.fixture
def present(store: Store, tmp_path: Path) -> Iterator[World]:
    """Two days that ended yesterday, by the machine's clock, since Meltano has no other."""
    today = datetime.now(ZoneInfo("Asia/Seoul")).replace(hour=0, minute=0, second=0, microsecond=0)
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    with World(store, directory, start=today - LENGTH - timedelta(days=1)).running() as world:
        world.shift = timedelta(0)
        yield world


def test_meltano_goes_on_whoever_is_ended_meanwhile(
    tmp_path: Path, present: World, server: Postgres, nightly: int
) -> None:
    chance = random.Random(nightly)
    settings = {**present.settings(), "end_date": present.end.isoformat()}

    def environment(schema: str) -> dict[str, str]:
        chosen = loader_settings(server, schema)
        return {f"TARGET_POSTGRES_{name.upper()}": f"{value}" for name, value in chosen.items()}

    quiet = Project(tmp_path / "quiet", **environment("quiet"))
    quiet.run("run", "tap-eventexport", "target-postgres", **settings)
    project = Project(tmp_path / "disturbed", **environment("disturbed"))
    project.run("install")
    run = ("run", "--force", "tap-eventexport", "target-postgres")  # a kill leaves Meltano's lock
    for _ in range(KILLS):
        process = project.start(*run, **settings)

        def to(name: str, number: int, meltano: psutil.Process) -> None:
            for each in meltano.children(recursive=True):
                if any(name in part for part in each.cmdline()):
                    each.send_signal(number)

        meltano = psutil.Process(process.pid)
        happenings = ways(
            server,
            lambda number, of=meltano: to("tap-eventexport", number, of),  # type: ignore[misc]
            lambda number, of=meltano: to("target-postgres", number, of),  # type: ignore[misc]
        )
        happenings["kill Meltano"] = process.kill
        happenings["end Meltano"] = process.terminate
        happening = chance.choice([*happenings.values()])
        timer = threading.Timer(chance.uniform(2.0, 2.0 + 2 * LONGEST), happening)
        timer.start()
        process.wait(timeout=120)
        timer.cancel()
        timer.join()
        server.wait()
    project.run(*run, **settings)
    compare(server, present, present.tap(tmp_path).run().lines, PERSONAL)
