"""No file imports one that stands above it, and none imports itself by way of others."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import tap_eventexport

ROOT = Path(tap_eventexport.__file__).parent
LAYERS = (  # from the bottom to the top: files, or folders with all that is in them
    ("console.standard_streams", "console.redaction"),
    ("engine.errors", "engine.names", "engine.windows"),
    ("engine.shutdown", "engine.network"),
    ("engine.reasons",),
    ("engine.bodies",),
    ("engine.http",),
    ("engine.duplicates", "engine.paging", "engine.sent"),
    ("engine.state",),
    ("engine.objects",),
    ("engine.page", "engine.progress"),
    ("engine.prefetch", "engine.singer"),
    ("engine.stream",),
    ("engine.table",),
    ("engine.delivery", "engine.reader"),
    ("engine.sync",),
    ("engine.runner",),
    ("console.summary",),
    ("console.terminal",),
    ("console.live_table", "console.summary_table"),
    ("inputs", "vendor"),
    ("environment", "schema_errors"),
    ("help",),
    ("command_line", "connections"),
    ("vendors",),
    ("settings", "checks", "wanted"),
    ("tap",),
    ("command",),
    ("backfill", "report"),
    ("audit",),
    ("sandbox",),
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}
ALONE = {"sandbox": {"sandbox", "console.standard_streams"}}  # it shares no code with the tap


def modules() -> dict[str, Path]:
    """All files but those that only say what a folder is for, by their names."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and len(ast.parse(path.read_text()).body) > 1:
            found[name] = path
    return found


MODULES = modules()


@cache
def imports(name: str) -> frozenset[str]:
    """What a file imports of this package, also what only its types need."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
            paths = [path if path_name(path) in MODULES else node.module for path in paths]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        found.update(path_name(path) for path in paths if path.startswith("tap_eventexport."))
    return frozenset(found & MODULES.keys())


def path_name(path: str) -> str:
    return path.removeprefix("tap_eventexport.")


def room(name: str) -> str:
    """The layer's name for a file: its own, or that of the folder that it lies in."""
    parts = name.split(".")
    rooms = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next(each for each in rooms if each in LEVELS)


@pytest.mark.parametrize("name", MODULES)
def test_a_file_imports_only_what_stands_below_it(name: str) -> None:
    own = room(name)
    above = [
        other
        for other in imports(name)
        if room(other) != own and LEVELS[room(other)] >= LEVELS[own]
    ]
    assert above == []
    if own in ALONE:
        assert {room(other) for other in imports(name)} <= ALONE[own]


def test_no_file_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' → '.join((*path, name))}"
        if name not in done:
            for other in imports(name):
                visit(other, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_the_layers_are_those_that_there_are() -> None:
    rooms = {room(name) for name in MODULES}
    assert rooms == LEVELS.keys()
