"""Selects what is sent of a stream's records: columns, and the fields inside them.

A catalog lists what may be sent. A column that it doesn't know is sent only if everything that it
knows is sent; or, if Meltano made the catalog from patterns, if these select the column. A field
inside a column that the catalog doesn't know is sent with its column, unless the catalog selects
some of the column's fields by name.
"""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import Metadata

from tap_eventexport.engine.bodies.extra import COLUMN
from tap_eventexport.engine.singer.patterns import ALL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from singer_sdk.singerlib.catalog import MetadataMapping

    from tap_eventexport.engine.singer.patterns import Patterns

    Path = tuple[str, ...]  # names from the outside in, such as ("payload", "total")
    Schema = dict[str, Any]

MAX_CACHED_PATHS = 10_000  # names of fields may be data
EXTRA = COLUMN.name  # holds fields that have no column yet
AUTOMATIC = Metadata.InclusionType.AUTOMATIC


def property_path(breadcrumb: Sequence[str]) -> Path:
    """Return the names in a breadcrumb of `properties`, name, …; `items` has no name.

    Raises:
        ValueError: If it has another form.
    """
    path: list[str] = []
    crumbs = iter(breadcrumb)
    for crumb in crumbs:
        name = next(crumbs, None) if crumb == "properties" else None
        if name is not None:
            path.append(name)
        elif crumb != "items" or not path:
            raise ValueError("not properties, name, properties, name, …")
    return tuple(path)


class Selection:
    """The selection of one stream: which columns and fields are sent.

    Args:
        schema: The stream's schema: the catalog's if there is one.
        metadata: The stream's metadata: the catalog's if there is one.
        columns: The columns that the stream always has.
        keys: Those of them that every record must have.
        patterns: The patterns of Meltano's `select`, if Meltano runs this tap.

    Attributes:
        is_all: Whether whole records are sent, without a change.
        patterns: The patterns that are followed.
    """

    def __init__(
        self,
        schema: Schema,
        metadata: MetadataMapping,
        columns: Collection[str] = (),
        keys: Collection[str] = (),
        patterns: Patterns | None = None,
    ) -> None:
        self._columns = columns
        self._keys = keys
        self.patterns = patterns or ALL
        self._declared: dict[Path, set[str]] = defaultdict(set)  # fields in the schema
        self._closed: set[Path] = set()  # objects that the schema allows no other fields
        self._declare(schema, ())
        self._entries = {property_path(crumbs): entry for crumbs, entry in metadata.items()}
        self._mask: dict[Path, bool] = {}
        for crumbs, is_selected in metadata.resolve_selection().items():
            path = property_path(crumbs)
            self._mask[path] = is_selected and self._mask.get(path, True)
        self._listed: dict[Path, set[str]] = defaultdict(set)  # fields in the metadata
        self._listing: set[Path] = set()  # objects whose fields the metadata selects by name
        for path in filter(None, self._entries):
            self._listed[path[:-1]].add(path[-1])
            if self._mask[path] and self._entries[path].inclusion != AUTOMATIC:
                self._listing.add(path[:-1])
        self._follows_patterns = patterns is not None and all(
            entry.selected is self.patterns.select(path)
            for path, entry in self._entries.items()
            if len(path) == 1
        )
        known = self._declared[()]
        # A catalog that follows patterns wasn't edited: it may be from an earlier version.
        is_cut = not self._follows_patterns and not known.issuperset(columns)
        parents = {*self._declared, *self._listed}
        self._selects_all = all(self._is_whole(parent) for parent in parents) and not is_cut
        self.is_all = self._selects_all and self.patterns.select_all and not self._closed
        is_denied = self.patterns.deselected or not known.issuperset(self._listed.get((), ()))
        ruled = {*parents, *self._closed, *([(EXTRA,)] if is_denied else [])}
        # Objects with fields that may be left out, and their parents.
        self._ruled = {path[:depth] for path in ruled for depth in range(1, len(path) + 1)}
        self._ruled_columns = {path[0] for path in self._ruled}
        self._rules_all = self.patterns.reach_inside
        self._cache: dict[Path, bool] = {}

    def select_schema(self, schema: Schema) -> Schema:
        """Return a schema without the properties that are left out."""
        selected = deepcopy(schema)
        self._select_schema(selected, ())
        return selected

    def select_fields(self, record: dict[str, Any]) -> None:
        """Remove from a record's columns the fields that are left out."""
        columns = record.keys() if self._rules_all else self._ruled_columns
        waiting: list[tuple[Path, Any]] = [
            ((name,), value)
            for name in columns
            if isinstance(value := record.get(name), list | dict)
        ]
        while waiting:
            path, value = waiting.pop()
            if isinstance(value, list):
                waiting.extend((path, item) for item in value)
            elif isinstance(value, dict):
                for name in list(value):
                    inner = (*path, name)
                    if not self.allows(inner):
                        del value[name]
                    elif self._rules_all or inner in self._ruled:
                        waiting.append((inner, value[name]))

    def allows(self, path: Path) -> bool:
        """Whether a property may be sent, if its parent may."""
        allowed = self._cache.get(path)
        if allowed is None:
            if len(self._cache) >= MAX_CACHED_PATHS:
                self._cache.clear()
            allowed = self._cache[path] = self._is_allowed(path)
        return allowed

    def knows(self, column: str) -> bool:
        """Whether a column is known, selected or not."""
        return column in self._columns or (column,) in self._entries

    def deselected_keys(self) -> Iterator[str]:
        """Yield the keys that are deliberately left out.

        If properties are selected by name, a key need not be among them: it is sent anyway. Meltano
        then marks it as deselected, so this mark alone means nothing. It counts if nothing else is
        deselected, or if properties are selected without being named.
        """
        columns = self._declared[()]
        others = {name for name in columns.difference(self._keys) if self.allows((name,))}
        by_name = others < columns.difference(self._keys) and all(
            (entry := self._entries.get((name,))) and entry.selected is not None for name in others
        )
        for key in self._keys:
            entry = self._entries.get((key,))
            is_marked = entry is not None and entry.selected is False
            is_meant = key in self.patterns.deselected if self._follows_patterns else not by_name
            if key not in columns or not self._mask.get((key,), True) or (is_marked and is_meant):
                yield key

    def _declare(self, node: Schema, path: Path) -> None:
        """Collect the fields that a schema declares."""
        properties = node.get("properties") or {}
        if path == () or properties:
            self._declared[path].update(properties)
        if node.get("additionalProperties") is False:
            self._closed.add(path)
        for name, inner in properties.items():
            self._declare(inner, (*path, name))
        if isinstance(node.get("items"), dict):
            self._declare(node["items"], path)

    def _is_whole(self, parent: Path) -> bool:
        """Whether the catalog selects all known fields of a record, or of an object in it."""
        declared, listed = (fields.get(parent, set()) for fields in (self._declared, self._listed))
        return listed <= declared and all(self._is_selected((*parent, name)) for name in declared)

    def _is_selected(self, path: Path) -> bool:
        """Whether the catalog selects a property that it knows."""
        selected = self._mask.get(path)
        return path[:-1] not in self._listing if selected is None else selected

    def _is_allowed(self, path: Path) -> bool:
        parent, name = path[:-1], path[-1]
        if name in self._declared.get(parent, ()):
            return self._is_selected(path) or (not parent and name in self._keys)
        if parent in self._closed or (parent == (EXTRA,) and self._is_denied(name)):
            return False
        if path in self._mask:
            return self._mask[path] and bool(parent)  # a column must be in the schema too
        selects_new = self._selects_new_fields(parent) if parent else self._selects_new_columns
        return selects_new and self.patterns.select(path)

    def _is_denied(self, column: str) -> bool:
        """Whether a column is left out by name, even if its values are inside `_extra`."""
        return not self._mask.get((column,), True) or self.patterns.deselect((column,))

    @property
    def _selects_new_columns(self) -> bool:
        return self._follows_patterns or self._selects_all

    def _selects_new_fields(self, parent: Path) -> bool:
        return parent not in self._listing or self._is_whole(parent)

    def _select_schema(self, node: Schema, path: Path) -> None:
        properties = node.get("properties")
        if properties:
            for name in [name for name in properties if not self.allows((*path, name))]:
                del properties[name]
            if "required" in node:
                node["required"] = [name for name in node["required"] if name in properties]
            for name, inner in properties.items():
                self._select_schema(inner, (*path, name))
        if isinstance(node.get("items"), dict):
            self._select_schema(node["items"], path)
