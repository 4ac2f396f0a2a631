"""Meltano's `select` patterns, as Meltano hands them to the tap that it runs.

Meltano applies them to what discovery found, and leaves no trace in the catalog of a pattern that
names something else. The environment has them all.
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
    """Which properties of one stream are meant, such as `payload.*`.

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
        """Whether a field inside a column may be left out that keeps its column."""
        return any("." in pattern for pattern in self.selected) or any(
            "." in pattern or WILDCARD.search(pattern) for pattern in self.deselected
        )

    def select(self, path: Sequence[str]) -> bool:
        """Whether a property is selected, or all that it lies in, or something inside it."""
        if self.deselect(path):
            return False
        return _match(_outwards(path), self.selected) or _match([".".join(path)], self._parents)

    def deselect(self, path: Sequence[str]) -> bool:
        """Whether a property is left out by a pattern of its own, or all that it lies in."""
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
    """What Meltano's `select` and `metadata` say of a stream's properties.

    Args:
        stream: The stream's name.
        environment: The environment variables.

    Returns:
        None if Meltano doesn't run this tap, or runs it with a catalog that somebody else made.
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
    """Patterns for what `metadata: {<stream>: {<property>: {selected: false}}}` deselects."""
    if isinstance(rules, dict):
        for name, inner in rules.items():
            yield from _deselecting(inner, (*path, *str(name).split(".")))
    elif rules is False and path[-1:] == ("selected",):
        yield "!" + ".".join(path[:-1])
