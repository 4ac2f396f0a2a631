"""Meltano's `select` patterns, as Meltano passes them to the tap in the environment.

Meltano applies the patterns to the discovered catalog. A pattern that matches nothing there leaves
no trace in the catalog; the environment has all patterns.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FIRST_DOT = re.compile(r"(?<!\\)\.")
WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns for properties of one stream, such as `payload.*`.

    Attributes:
        selected: Patterns of properties that are selected.
        deselected: Patterns of properties that are not, even if they are selected too.
    """

    selected: tuple[str, ...] = ("*",)
    deselected: tuple[str, ...] = ()

    @property
    def select_all(self) -> bool:
        """Whether no property is left out."""
        return "*" in self.selected and not self.deselected

    @property
    def reach_inside(self) -> bool:
        """Whether a field may be left out while its column is sent."""
        return any("." in pattern for pattern in self.selected) or any(
            "." in pattern or WILDCARD.search(pattern) for pattern in self.deselected
        )

    def select(self, path: Sequence[str]) -> bool:
        """Whether a property, one of its parents, or a property inside it is selected."""
        if self.deselect(path):
            return False
        return _match(_outwards(path), self.selected) or _match([".".join(path)], self._parents)

    def deselect(self, path: Sequence[str]) -> bool:
        """Whether a pattern leaves out a property or one of its parents."""
        return _match(_outwards(path), self.deselected)

    @property
    def _parents(self) -> Iterator[str]:
        for pattern in self.selected:
            parts = pattern.split(".")
            yield from (".".join(parts[:depth]) for depth in range(1, len(parts)))


ALL = Patterns()


def _outwards(path: Sequence[str]) -> list[str]:
    return [".".join(path[:depth]) for depth in range(1, len(path) + 1)]


def _match(names: Sequence[str], patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def meltano_patterns(stream: str, environment: Mapping[str, str]) -> Patterns | None:
    """Return the patterns of Meltano's `select` and `metadata` for a stream's properties.

    Args:
        stream: The stream's name.
        environment: The environment variables.

    Returns:
        None if Meltano doesn't run this tap, or runs it with a catalog that it didn't make.
    """
    select = _decoded(environment.get("MELTANO_EXTRACT__SELECT"))
    if environment.get("MELTANO_EXTRACT__CATALOG") or not isinstance(select, list):
        return None
    metadata = _decoded(environment.get("MELTANO_EXTRACT__METADATA"))
    selected: list[str] = []
    deselected: list[str] = []
    for pattern in (*map(str, select), *_deselecting(metadata, ())):
        streams, *properties = FIRST_DOT.split(pattern.removeprefix("!"), maxsplit=1)
        if fnmatchcase(stream, streams.replace(r"\.", ".")):
            (deselected if pattern.startswith("!") else selected).extend(properties or ["*"])
    return Patterns(tuple(selected), tuple(deselected))


def _decoded(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _deselecting(rules: object, path: tuple[str, ...]) -> Iterator[str]:
    """Yield patterns for what `metadata: {<stream>: {<property>: {selected: false}}}` deselects."""
    if isinstance(rules, dict):
        for name, inner in rules.items():
            yield from _deselecting(inner, (*path, *str(name).split(".")))
    elif rules is False and path[-1:] == ("selected",):
        yield "!" + ".".join(path[:-1])
