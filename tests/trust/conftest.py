"""Everything that the tests of trust need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trust.world import World, contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.singer import Tap
    from tests.trust.world import Contents

LONG = {
    "request_number": range(12),
    "seed": range(50),
    "chaos": range(8),
    "nightly": range(3),
}
SHORT = {"request_number": (1,), "seed": range(6), "chaos": (0,)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """How much is tried: some of it, or with `--long` all."""
    for name, values in (LONG if metafunc.config.getoption("--long") else SHORT).items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the long setting tries."""
    if not config.getoption("--long"):
        nightly = [item for item in items if "nightly" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    with World(store, f"{tmp_path.parent.name}/{tmp_path.name}/").running() as world:
        yield world


@pytest.fixture
def tap(tmp_path: Path, world: World) -> Tap:
    """The command over all five vendors."""
    return world.tap(tmp_path)


@pytest.fixture(scope="session")
def reference(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What every run must give in all: each record of each stream, once."""
    folder = tmp_path_factory.mktemp("reference")
    with World(store, f"{folder.parent.name}/{folder.name}/").running() as world:
        return contents(world.tap(folder).read())
