"""The target: takes messages, and loads them where the settings say."""

from __future__ import annotations

import os
import sys
from collections import Counter
from copy import deepcopy
from typing import IO, TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.plugin_base import BaseSingerReader

from target_eventexport import settings
from target_eventexport.command_line import CommandLine
from target_eventexport.destinations import open_destination
from target_eventexport.errors import LoadError
from target_eventexport.lines import UnfinishedLineError, file_blocks, stdin_blocks, whole_lines
from target_eventexport.load import Load, Options
from target_eventexport.maps import MappedLoad
from target_eventexport.table import METADATA, VERSION
from target_eventexport.terminal import shorten_log

if TYPE_CHECKING:
    from types import FrameType

POLL_SECONDS = 0.5  # how often it is looked whether a batch has waited long enough


class TargetEventExport(CommandLine):
    """Loader for PostgreSQL, DuckDB and Parquet: fast, exact, and right after a crash."""

    name = "target-eventexport"
    package_name = "tap-eventexport"
    config_jsonschema: ClassVar = deepcopy(settings.SCHEMA)  # the SDK adds its own to it
    capabilities: ClassVar = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.BATCH,
        TargetCapabilities.VALIDATE_RECORDS,
        TargetCapabilities.HARD_DELETE,
    ]

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        self._load: Load | MappedLoad | None = None
        super().__init__(**options)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings of maps and flattening; those of its own batches don't apply."""
        super(BaseSingerReader, cls).append_builtin_config(config_jsonschema)

    @property
    def load(self) -> Load | MappedLoad:
        """The load, which connects when it is first needed."""
        if self._load is None:
            self._load = self._started()
        return self._load

    def _started(self) -> Load | MappedLoad:
        metadata: tuple[str, ...] = (VERSION,) if self.config["hard_delete"] else ()
        options = Options(
            batch_rows=self.config["batch_rows"],
            batch_seconds=self.config["batch_seconds"],
            metadata=METADATA if self.config["metadata_columns"] else metadata,
            is_validated=self.config["validate_records"],
            hard_delete=self.config["hard_delete"],
        )
        destination = open_destination(self.config["destination"], self.config.get("schema"))
        load = Load(destination, write_state, options)
        is_mapped = self.config.get("stream_maps") or self.config.get("flattening_enabled")
        return MappedLoad(load, self.mapper) if is_mapped else load

    def process_lines(self, file_input: IO[str] | None) -> Counter[str]:  # type: ignore[misc]
        """Load messages.

        Args:
            file_input: Where they come from; None for stdin.

        Returns:
            How many of each type there were.

        Raises:
            LoadError: If they can't be loaded.
        """
        if file_input is None:
            if sys.stdin is None:
                raise LoadError("stdin is closed: no messages can come")
            blocks = stdin_blocks(sys.stdin.fileno(), POLL_SECONDS)
        else:
            blocks = file_blocks(file_input)
        load = self.load
        try:
            for lines in whole_lines(blocks):
                load.take(lines)
        except UnfinishedLineError:
            load.finish()
            raise
        except LoadError:
            load.close()
            raise
        return Counter(load.counts)

    def process_endofpipe(self) -> None:
        """Commit what waits.

        Raises:
            LoadError: If it can't be committed.
        """
        self.load.finish()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> NoReturn:
        """End at once: what isn't committed is not written, and its STATE not told."""
        del frame
        self.logger.warning("stopped by a signal; the next run loads from the last STATE")
        os._exit(128 + signum)


def write_state(state: bytes) -> None:
    """Write a STATE to stdout.

    Raises:
        LoadError: If nobody reads it.
    """
    try:
        sys.stdout.write(state.decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # which Python writes to yet
        raise LoadError("stdout was closed: nobody takes STATE any more") from None


def main() -> NoReturn:
    """The command `target-eventexport`."""
    command = TargetEventExport.cli
    shorten_log()
    command()
    sys.exit()
