"""What docs/dbt.md says of the dbt package, read from the package's files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

QUOTED = re.compile(r"'(\w+)'")
MACRO = re.compile(r"tap_eventexport\.(\w+)\(")
SHAPES = {"staging": "{}([{}])", "intermediate": "{}[{}]", "marts": "{}[[{}]]"}


def parents(package: Path) -> dict[str, list[str]]:
    """Each model of the package with the models that it is made of.

    A model names them in quotes, as does a macro that it uses to go through several.
    """
    files = {file.stem: file for file in sorted((package / "models").rglob("*.sql"))}
    macros = {file.stem: file.read_text() for file in (package / "macros").glob("*.sql")}

    def named(text: str) -> set[str]:
        return set(QUOTED.findall(text)) & files.keys()

    found = {}
    for name, file in files.items():
        text = file.read_text()
        used = (macros.get(macro, "") for macro in MACRO.findall(text))
        found[name] = sorted(named(text).union(*map(named, used)))
    return found


def lineage(package: Path) -> str:
    """A picture of which models are made of which, for Mermaid."""
    made_of = parents(package)
    lines = ["```mermaid", "flowchart LR"]
    for folder, shape in SHAPES.items():
        files = sorted((package / "models" / folder).rglob("*.sql"))
        lines += [f"  {shape.format(file.stem, file.stem)}" for file in files]
    for name, names in made_of.items():
        lines += [f"  {parent} --> {name}" for parent in names]
    return "\n".join([*lines, "```", ""])


def marts(package: Path) -> str:
    """The marts in Markdown, one row for each."""
    described = yaml.safe_load((package / "models/marts/marts.yml").read_text())["models"]
    rows = [f"| `{mart['name']}` | {' '.join(mart['description'].split())} |" for mart in described]
    return "\n".join(["| mart | one row is |", "|---|---|", *rows, ""])
