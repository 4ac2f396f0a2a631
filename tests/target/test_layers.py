"""The loader and the tap share a distribution, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tap_eventexport
import target_eventexport

PACKAGES = {
    Path(*package.__path__): other.__name__
    for package, other in (
        (tap_eventexport, target_eventexport),
        (target_eventexport, tap_eventexport),
    )
}


@pytest.mark.parametrize(("folder", "other"), PACKAGES.items())
def test_neither_imports_the_other(folder: Path, other: str) -> None:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.split(".")[0] == other], file
