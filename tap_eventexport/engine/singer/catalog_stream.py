"""Applies a catalog, stream maps and flattening to a stream's columns and records."""

from __future__ import annotations

import os
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_eventexport.engine.errors import StreamMapError
from tap_eventexport.engine.names import quote_names
from tap_eventexport.engine.singer.messages import encoder
from tap_eventexport.engine.singer.nul import NulFilter
from tap_eventexport.engine.singer.patterns import meltano_patterns
from tap_eventexport.engine.singer.schemas import is_open_object, open_objects, with_types_of
from tap_eventexport.engine.singer.sdk import SdkStream
from tap_eventexport.engine.singer.selection import Selection
from tap_eventexport.engine.singer.transform import Transform, definitions_of, make_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib import Catalog

    from tap_eventexport.engine.page import Record

decoder = msgspec.json.Decoder(float_hook=Decimal)


class CatalogStream(SdkStream):
    """A stream whose columns a catalog selects and stream maps change.

    Attributes:
        columns: The columns that are known before anything is read.
        is_growing: Whether the vendor may send other columns. Each page with records then names all
            of its columns, and SCHEMA waits for the first of these pages.
        sent_columns: The columns that are sent, before stream maps, with their schemas.
        transforms: The transforms of stream maps and flattening, one for each resulting stream.
        without_nul: Replaces NUL characters in records, before stream maps and after them.
    """

    columns: ClassVar[th.PropertiesList]
    is_growing: ClassVar[bool] = False

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap, schema=open_objects(self.columns.to_dict()))
        self.sent_columns: Mapping[str, Any] = {}
        self.transforms: Sequence[Transform] = ()
        self.without_nul = NulFilter(self.name, self.logger)
        self._left_out: set[str] = set()

    @cached_property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that every sent record must have."""
        return tuple(filter(None, dict.fromkeys((*self.primary_keys, self.replication_key))))

    @property
    def has_state(self) -> bool:
        """Whether STATE is read and written."""
        return self.replication_method != REPLICATION_FULL_TABLE

    @property
    def is_removed(self) -> bool:
        """Whether stream maps remove this stream."""
        return not self.transforms

    @cached_property
    def selection(self) -> Selection:
        """The selection of columns and fields that are sent."""
        catalog = self.tap.input_catalog
        return Selection(
            self.effective_schema,
            self.metadata,
            columns=self.schema["properties"].keys(),
            keys=self.required_columns,
            patterns=meltano_patterns(self.name, os.environ) if catalog else None,
        )

    @property
    def stream_maps(self) -> list[StreamMap]:
        """The stream maps, which are made at the first access."""
        if not self.made_maps:
            self.make_maps()
        return list(self.made_maps)

    def make_maps(self) -> None:
        """Make the stream maps for the columns known so far.

        Raises:
            ConfigValidationError: If they are wrong.
        """
        maps = self.config.get("stream_maps") or {}
        known = self.effective_schema["properties"]
        for name, column in self.schema["properties"].items():
            if self.selection.allows((name,)):
                known.setdefault(name, column)
        schema = open_objects(self.selection.select_schema(self.effective_schema))
        self.sent_columns = schema["properties"]
        self.made_maps = make_maps(self.name, self.tap.mapper, schema, self.primary_keys, maps)
        definitions = definitions_of(self.name, maps)
        self.transforms = [
            Transform(made, definitions)
            for made in self.made_maps
            if not isinstance(made, RemoveRecordTransform)
        ]

    def check_keys(self) -> None:
        """Check that the catalog selects all keys.

        Raises:
            ConfigValidationError: If a key is left out.
        """
        problems = [
            f"--catalog: {self.name}: {key} is a key and left out; expected it in the schema, and "
            "selected"
            for key in sorted(self.selection.deselected_keys())
        ]
        if problems:
            raise ConfigValidationError("A key is left out", errors=problems, schema={})

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog's selection, columns and replication method; keys can't change."""
        own = self.required_columns
        super().apply_catalog(catalog)
        given = tuple(filter(None, (*self.primary_keys, self.replication_key)))
        for name in ("primary_keys", "replication_key"):
            self.__dict__.pop(name, None)
        if catalog.get_stream(self.name) is None:
            return
        if others := set(given) - set(own):
            self.logger.warning(
                "%s: the catalog has other keys than %s: %s; they have no effect",
                self.name,
                quote_names(own),
                quote_names(others),
            )
        self.catalog_schema = with_types_of(self.schema, self.catalog_schema or {})

    def add_columns(self, columns: Mapping[str, dict[str, Any]]) -> bool:
        """Add new columns; True if some of them are sent.

        Columns that aren't selected are left out, which is logged once.

        Raises:
            StreamMapError: If stream maps or flattening can't handle them.
        """
        known = self.effective_schema["properties"].keys()
        new = {name: columns[name] for name in columns if name not in known | self._left_out}
        selected = {name: new[name] for name in new if self.selection.allows((name,))}
        left_out = sorted(new.keys() - selected.keys())
        self._left_out.update(left_out)
        if unseen := [name for name in left_out if not self.selection.knows(name)]:
            self.logger.warning(
                "%s: new columns that aren't sent, since the catalog selects columns by name and "
                "doesn't know them: %s; to send them, discover again and select them",
                self.name,
                quote_names(unseen),
            )
        if not selected:
            return False
        self.logger.info("%s: new columns: %s", self.name, quote_names(selected))
        for schema in (self.schema, self.effective_schema):
            schema["properties"].update(selected)
        try:
            self.make_maps()
        except ConfigValidationError as error:
            raise StreamMapError("; ".join(error.errors)) from error
        return True

    def transform_reason(self) -> str | None:
        """Why records are transformed on the main thread, or None."""
        return self._map_reason() or (None if self.selection.is_all else "deselected properties")

    def _map_reason(self) -> str | None:
        """Why records go through the SDK's maps, or None."""
        maps = self.stream_maps
        if len(maps) != 1 or type(maps[0]) is not SameRecordTransform:
            return "stream_maps"
        return "flattening" if maps[0].flattening_enabled else None

    def unsplit_columns(self) -> list[str]:
        """Return the columns that flattening can't split: objects without fixed properties."""
        if not any(stream_map.flattening_enabled for stream_map in self.stream_maps):
            return []
        return [name for name, column in self.sent_columns.items() if is_open_object(column)]

    def transform(self, records: Sequence[Record]) -> Mapping[str, Sequence[Any]]:
        """Apply selection, stream maps and flattening; returns records by stream name."""
        decoded = decoder.decode_lines(self.without_nul(encoder.encode_lines(records)))
        sent = self.sent_columns.keys()
        for record in decoded:
            if not record.keys() <= sent:
                for name in record.keys() - sent:
                    del record[name]
            self.selection.select_fields(record)
        if not self._map_reason():
            return {self.name: decoded}
        transformed: dict[str, list[Any]] = {}
        for record in decoded:
            for transform in self.transforms:
                mapped = transform.apply(record)
                if mapped is not None:
                    transformed.setdefault(transform.name, []).append(mapped)
        return transformed
