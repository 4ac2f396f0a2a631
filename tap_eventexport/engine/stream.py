"""The stream that every vendor's stream extends.

A vendor says how time is cut into windows and how a window is read as pages. All else is here:
what to read because of STATE, reading ahead, emitting in order, promising what was emitted.
"""

from __future__ import annotations

import hashlib
import os
from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from singer_sdk.streams import Stream

from tap_eventexport.engine.bookmark import (
    Bounds,
    Limits,
    advance,
    announce,
    keep_hints,
    plan,
)
from tap_eventexport.engine.emit import BatchFiles, RecordLines, changed_records, why_changed
from tap_eventexport.engine.errors import FatalVendorError, RestartWindowError, StreamMapError
from tap_eventexport.engine.keys import guarded, inside
from tap_eventexport.engine.maps import Transform, definitions_of, make_maps
from tap_eventexport.engine.names import shown_names
from tap_eventexport.engine.nul import has_nul
from tap_eventexport.engine.output import MessageWriter
from tap_eventexport.engine.page import Lines, Page, Split
from tap_eventexport.engine.patterns import meltano_patterns
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.readahead import Lane
from tap_eventexport.engine.run import drive
from tap_eventexport.engine.schemas import is_open_object, open_objects, with_types_of
from tap_eventexport.engine.selection import Selection
from tap_eventexport.engine.state import read_bookmark, write_bookmark
from tap_eventexport.engine.windows import EPOCH, MILLISECOND, parse_instant, round_down, span

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.helpers import types
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib import Catalog

    from tap_eventexport.engine.http import HttpClient
    from tap_eventexport.engine.page import Opened, Record
    from tap_eventexport.engine.windows import Window

MAX_RESTARTS = 3  # of one window, before its vendor is given up for now
FIRST_RUN = timedelta(days=30)  # how far a first run reaches back without start_date


class EventStream(Stream):
    """A stream of one vendor's events, read window by window.

    Args:
        tap: The tap that the stream belongs to.
        client: The vendor's HTTP client, shared by its streams.

    Attributes:
        vendor: The vendor's name, for people.
        lookback: How far behind the bookmark events may still arrive, unless the user says.
        resolution: What the vendor's times are multiples of.
        keeps: Which records are kept, by their replication key: those of the `window` that was
            asked for; those of all that the `run` wants, where the vendor may answer with a record
            for another window than its own; or `all`.
        columns: The columns that are known before anything is read.
        is_growing: Whether the vendor may send others.
        is_opened: Whether the stream was planned, so that there is something to tell of it.
        is_closed: Whether the stream has ended, so that nothing need be begun for it.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # a vendor's file makes the right types

    vendor: ClassVar[str]
    lookback: ClassVar[timedelta]
    resolution: ClassVar[timedelta] = MILLISECOND
    keeps: ClassVar[Literal["window", "run", "all"]] = "window"
    columns: ClassVar[th.PropertiesList]
    is_growing: ClassVar[bool] = False

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, schema=open_objects(self.columns.to_dict()))
        self.client = client
        self._left_out: set[str] = set()
        self._has_nul = False
        self._nul_lock = Lock()
        self.is_opened = self.is_closed = False
        self._present = EPOCH
        self.known_hints: dict[str, Any] = {}

    # What a vendor answers

    @abstractmethod
    def windows(self, whole: Window) -> Iterable[Window]:
        """Cut the wanted time as this vendor is best asked."""

    @abstractmethod
    def pages(
        self, window: Window, place: Mapping[str, Any] | None
    ) -> Iterator[Page] | Iterator[Page | Split] | Iterator[Page | Opened | Split]:
        """Read a window, from its start or from a place in it.

        Raises:
            RestartWindowError: If the vendor no longer accepts the place.
            FatalVendorError: If the window can't be read.
        """

    @abstractmethod
    def prove(self) -> None:
        """Prove the credentials with one cheap request.

        Raises:
            FatalVendorError: If they are refused.
        """

    def learn_columns(self) -> None:
        """Add the columns that only the vendor knows, where there may be some; for discovery.

        Raises:
            SyncError: If the vendor doesn't tell.
        """

    @property
    def oldest(self) -> datetime | None:
        """The earliest instant that the vendor still keeps; None if that isn't known."""
        return None

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the vendor's days; None where no part of the time is asked for alone."""
        return UTC

    @property
    def filters(self) -> Sequence[Any]:
        """All that shapes the vendor's answers; a position holds only while it is the same."""
        return ()

    # What the engine makes of it

    @property
    def writer(self) -> MessageWriter:
        """Where messages go."""
        writer = self._tap.message_writer
        if not isinstance(writer, MessageWriter):
            raise TypeError("the tap's message writer must be a MessageWriter")
        return writer

    @cached_property
    def query(self) -> str:
        """A fingerprint of the filters."""
        return hashlib.sha256(msgspec.json.encode(self.filters)).hexdigest()[:12]

    @cached_property
    def now(self) -> datetime:
        """The instant at which the run began, by this machine's clock."""
        return self.client.clock.start.now

    def open(self) -> Lane[EventStream]:
        """Plan this run and make ready to read it.

        Raises:
            InvalidStateError: If STATE can't be understood.
            FatalVendorError: If the vendor no longer keeps what is wanted, see `on_gap`.
        """
        state = self._tap.state.get("bookmarks", {}).get(self.name, {})
        bookmark = read_bookmark(state if self._is_incremental else {}, self.name)
        self._plan = plan(bookmark, self.bounds(), self.query)
        if self._plan.wanted:
            bookmark = replace(bookmark, positions=self._plan.positions)
        self.bookmark_before = self._bookmark = self._promised = bookmark
        self.known_hints = dict(bookmark.hints)
        for note in self._plan.notes:
            self.logger.warning("%s: %s", self.name, note)
        tasks = list(self._plan.tasks(self.windows))
        self.progress = Progress(self.name, self.logger, len(tasks))
        self._output = self._make_output()
        self._meters = ExitStack()
        self._counter = self._meters.enter_context(self.get_record_counter())
        self._meters.enter_context(self.get_sync_timer())
        self.is_opened = True
        return Lane(self, iter(tasks), self._read, self.client.concurrency)

    def emit(self, window: Window, page: Page) -> None:
        """Write a page, then promise that it was written.

        Pages must come in order: all windows before this one are complete.
        """
        self._check_gap()
        if page.columns:
            self._grow(page.columns)
        for block in page.blocks:
            limited = block if isinstance(block, Lines) else block[: self.ABORT_AT_RECORD_COUNT]
            self._output.write(limited)
            self._counter.increment(len(limited))
            self.progress.add(len(limited))
            self._check_max_record_limit(len(block))
        self._output.end_page()
        position = self._plan.position_at(window, page.place, self._vendors_now)
        self._bookmark = advance(self._bookmark, window, position, self._limits())
        if page.files and self._bookmark.mark:
            self._bookmark = replace(self._bookmark, files=page.files(self._bookmark.mark))
        if page.hints:
            self._bookmark = keep_hints(self._bookmark, page.hints)
        self.progress.page(window, is_last=page.place is None)
        if self._output.is_complete:
            self._promise()

    def announce(self, window: Window, opened: Opened) -> None:
        """Promise that a window was opened, which may come ahead of its turn."""
        position = self._plan.position_at(window, opened.place, self._vendors_now)
        if position and self.wanted:
            self._bookmark = announce(self._bookmark, position, self.wanted.start)
            self._promised = announce(self._promised, position, self.wanted.start)
            self._write_state()

    def close(self, error: Exception | None) -> None:
        """Write what waits, and the last promise.

        Args:
            error: Why the stream ends early; None if it is complete.
        """
        self.is_closed = True
        self._output.finish()
        self._promise()
        self._meters.__exit__(type(error) if error else None, error, None)
        self.progress.end(is_failed=error is not None)

    @property
    def wanted(self) -> Window | None:
        """The time that this run reads; None if there is nothing to read."""
        return self._plan.wanted

    @property
    def mark(self) -> datetime | None:
        """What is promised: everything before it was emitted."""
        return self._promised.mark

    @property
    def _settle(self) -> timedelta:
        return timedelta(minutes=self.config["settle_minutes"])

    @property
    def _vendors_now(self) -> datetime:
        """The instant at which the run began, or what the vendor's clock said then if earlier."""
        return self.now - self.client.clock.lead

    def _limits(self) -> Limits:
        """What this run may promise.

        On the word of a vendor's clock that may be broken nothing is promised, and no earlier
        promise is taken back.
        """
        earliest = self.wanted.start if self.wanted else self.now
        clock = self.client.clock
        present = self.now - clock.certain_lead if clock.is_lead_believed else self.now
        if self.bookmark_before.mark is None:
            present = max(present, earliest)
        self._present = max(self._present, present)  # a vendor's clocks may differ
        return Limits(earliest, latest=self._vendors_now - self._settle, present=self._present)

    def _check_gap(self) -> None:
        if self._plan.has_gap and not self.client.clock.is_lead_believed:
            raise FatalVendorError(
                f"this machine's clock is more than a day ahead of {self.vendor}'s, so that what "
                "the vendor still keeps would be left out; set the clock and run again"
            )

    @cached_property
    def _required(self) -> tuple[str, ...]:
        """The columns without which no record is sent."""
        return tuple(filter(None, dict.fromkeys((*self.primary_keys, self.replication_key))))

    @property
    def _is_incremental(self) -> bool:
        return self.replication_method != REPLICATION_FULL_TABLE

    def bounds(self) -> Bounds:
        """What the settings say of the time to read."""
        start, end = self.config.get("start_date"), self.config.get("end_date")
        minutes = self.config.get("lookback_minutes")
        return Bounds(
            now=self.now,
            start=parse_instant(start) if start else self.now - FIRST_RUN,
            start_is_set=bool(start),
            end=parse_instant(end) if end else None,
            lookback=self.lookback if minutes is None else timedelta(minutes=minutes),
            settle=self._settle,
            resolution=self.resolution,
            oldest=self.oldest,
            fail_on_gap=self.config["on_gap"] == "fail",
        )

    def _make_output(self) -> RecordLines | BatchFiles:
        reason = why_changed(self)
        self.is_changed = reason is not None
        self.logger.info(
            "%s: records are written %s",
            self.name,
            f"one by one, because of {reason}" if reason else "as they are, page by page",
        )
        if any(stream_map.flattening_enabled for stream_map in self.stream_maps):
            self._tell_of_flattening()
        batches = self.get_batch_config(self.config)
        return BatchFiles(self, batches) if batches else RecordLines(self)

    def _tell_of_flattening(self) -> None:
        whole = [name for name, column in self.sent_columns.items() if is_open_object(column)]
        if whole:
            self.logger.info(
                "%s: flattening leaves these in one column each, as JSON text, since the objects "
                "in them have no fixed properties: %s",
                self.name,
                ", ".join(whole),
            )

    def ready(self, records: Sequence[Record]) -> Mapping[str, Sequence[Any]]:
        """Records as they are to be sent, by the stream name to send them under."""
        if self.is_changed:
            return changed_records(self, records)
        return {self.name: records}

    @cached_property
    def selection(self) -> Selection:
        """What of the records may leave."""
        catalog = self._tap.input_catalog
        return Selection(
            self.effective_schema,
            self.metadata,
            columns=self.schema["properties"].keys(),
            keys=self._required,
            patterns=meltano_patterns(self.name, os.environ) if catalog else None,
        )

    @property
    def stream_maps(self) -> list[StreamMap]:
        """What changes records before they are sent, made when it is asked for."""
        if self._stream_maps is None:
            self.make_maps()
        return self._stream_maps or []

    def make_maps(self) -> None:
        """Make the stream maps for the columns that are known now.

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
        self._stream_maps = make_maps(self.name, self._tap.mapper, schema, self.primary_keys, maps)
        definitions = definitions_of(self.name, maps)
        self.transforms = [
            Transform(made, definitions)
            for made in self._stream_maps
            if not isinstance(made, RemoveRecordTransform)
        ]

    @property
    def is_removed(self) -> bool:
        """Whether stream maps leave nothing of this stream."""
        return not self.transforms

    def check_keys(self) -> None:
        """Check that the catalog leaves out no key.

        Raises:
            ConfigValidationError: If it does.
        """
        problems = [
            f"--catalog: {self.name}: {key} is a key and left out; expected it in the schema, and "
            "selected"
            for key in sorted(self.selection.deselected_keys())
        ]
        if problems:
            raise ConfigValidationError("A key is left out", errors=problems, schema={})

    def look_for_nul(self, lines: bytes) -> None:
        """Warn once of a NUL in records, which some loaders can't store; on any thread."""
        if self._has_nul or not has_nul(lines):
            return
        with self._nul_lock:
            is_first, self._has_nul = not self._has_nul, True
        if is_first:
            self.logger.warning(
                "%s: a text holds a NUL character (\\u0000), which PostgreSQL refuses, and other "
                "stores may; see docs/recipes.md for what takes it out",
                self.name,
            )

    def write_schema(self) -> None:
        """Write the SCHEMA message, or several where stream maps make several streams."""
        self._write_schema_message()

    def _grow(self, columns: Mapping[str, dict[str, Any]]) -> None:
        """Add columns that were not known before, and say so in a new SCHEMA message.

        Those that aren't selected are left out, which is said once.

        Raises:
            StreamMapError: If stream maps or flattening can't take them.
        """
        known = self.effective_schema["properties"].keys()
        new = {name: columns[name] for name in columns if name not in known | self._left_out}
        selected = {name: new[name] for name in new if self.selection.allows((name,))}
        left_out = sorted(new.keys() - selected.keys())
        self._left_out.update(left_out)
        if unseen := [name for name in left_out if not self.selection.knows(name)]:
            self.logger.warning(
                "%s: new columns that aren't sent, since the catalog selects columns by name and "
                "doesn't know them: %s; to have them, discover anew and select them",
                self.name,
                shown_names(unseen),
            )
        if not selected:
            return
        self.logger.info("%s: new columns: %s", self.name, shown_names(selected))
        for schema in (self.schema, self.effective_schema):
            schema["properties"].update(selected)
        try:
            self.make_maps()
        except ConfigValidationError as error:
            raise StreamMapError("; ".join(error.errors)) from error
        self.write_schema()

    def _promise(self) -> None:
        self._promised = self._bookmark
        self._write_state()

    def _write_state(self) -> None:
        if self._is_incremental and self._promised.mark is not None:
            write_bookmark(self.stream_state, str(self.replication_key), self._promised)
            self._tap.state_writer.write_state(self._tap.state)

    def _read(
        self, window: Window, place: Mapping[str, Any] | None
    ) -> Iterator[Page | Opened | Split]:
        for restarts in count():
            try:
                for page in self.pages(window, place):
                    if isinstance(page, Split):
                        self.progress.split(len(page.windows))
                    if not isinstance(page, Page):
                        yield page
                        continue
                    whole = self._guarded(page, window)
                    is_bounded = self.ABORT_AT_RECORD_COUNT is not None
                    yield whole if is_bounded else self._output.prepare(whole)
            except RestartWindowError as error:
                if restarts == MAX_RESTARTS:
                    raise FatalVendorError(
                        f"{error}; the window {window} was read from its start {restarts} times "
                        f"in vain: try again later, or ask {self.vendor}"
                    ) from error
                self.logger.warning(
                    "%s: %s; reading the window %s from its start", self.name, error, window
                )
                place = None
            except FatalVendorError as error:
                if (past := self._past(window)) is None:
                    raise
                self.logger.warning(
                    "%s: %s; the window %s ends in the vendor's future, so it is read up to the "
                    "vendor's time",
                    self.name,
                    error,
                    window,
                )
                yield Split(past) if past else Page([], None)
                return
            else:
                return

    def _guarded(self, page: Page, window: Window) -> Page:
        """A page whose records have their keys, and lie in the time that is kept."""
        source = f"a page of {self.vendor}'s {window}"
        whole = guarded(page, self._required, source)
        if self.keeps == "all" or not self.replication_key:
            return whole
        bounds = window if self.keeps == "window" else self.wanted or window
        return inside(whole, self.replication_key, bounds, source)

    def _past(self, window: Window) -> tuple[Window, ...] | None:
        """The part of a window that is no longer the vendor's future; None if it is all of it."""
        clock = self.client.clock
        present = round_down(clock.now(), self.resolution)
        if not (clock.lead and clock.is_lead_believed and window.end > present):
            return None
        return span(window.start, present)

    # What the SDK asks

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection, columns and the replication method from a catalog; keys are fixed."""
        own = self._required
        super().apply_catalog(catalog)
        given = tuple(filter(None, (*self.primary_keys, self.replication_key)))
        for name in ("primary_keys", "replication_key"):
            self.__dict__.pop(name, None)
        if catalog.get_stream(self.name) is None:
            return
        if others := set(given) - set(own):
            self.logger.warning(
                "%s: the catalog has other keys than %s: %s; they change nothing",
                self.name,
                shown_names(own),
                shown_names(others),
            )
        self._input_schema = with_types_of(self.schema, self._input_schema or {})

    def get_records(self, context: types.Context | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        """Not used: the engine emits whole pages."""
        yield from ()

    def get_replication_key_signpost(self, context: types.Context | None = None) -> None:
        """None: no bookmark of this tap lies in the future, so STATE needs no signpost."""

    def _sync_records(
        self,
        context: types.Context | None = None,  # noqa: ARG002 - this tap has no partitions
        *,
        write_messages: bool = True,  # noqa: ARG002
    ) -> Generator[dict[str, Any], None, None]:
        self._drive_alone()
        yield from ()

    def _sync_batches(
        self,
        batch_config: BatchConfig,  # noqa: ARG002 - `open` reads it
        context: types.Context | None = None,  # noqa: ARG002
    ) -> None:
        self._drive_alone()

    def _drive_alone(self) -> None:
        for error in drive([self], self.writer.stop).values():
            raise error
