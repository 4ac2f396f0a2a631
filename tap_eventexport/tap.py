"""The tap: reads settings, runs the streams of the configured vendors, sets the exit code."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk.exceptions import ConfigValidationError, SyncError
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase
from singer_sdk.singerlib.encoding.simple import StateMessage

from tap_eventexport import checks, settings, wanted
from tap_eventexport.command_line import CommandLine
from tap_eventexport.connections import check_connections
from tap_eventexport.console.live_table import live_table
from tap_eventexport.console.redaction import redact_logs
from tap_eventexport.console.standard_streams import FAILED, OutputClosedError, standard_streams
from tap_eventexport.console.summary import HEADINGS, figures, table_lines
from tap_eventexport.console.summary_table import print_summary
from tap_eventexport.console.terminal import shorten_log
from tap_eventexport.engine.errors import ShutdownRequested
from tap_eventexport.engine.http.client import HttpClient
from tap_eventexport.engine.http.clocks import Start
from tap_eventexport.engine.http.headers import EARLIEST
from tap_eventexport.engine.http.rate_limit import TokenBucket
from tap_eventexport.engine.runner import plan_streams, run_streams
from tap_eventexport.engine.shutdown import Shutdown
from tap_eventexport.engine.singer.messages import MessageWriter
from tap_eventexport.engine.singer.transform import general_problems
from tap_eventexport.engine.state.codec import read_state
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.environment import from_environment
from tap_eventexport.help import about_text
from tap_eventexport.inputs import InputError
from tap_eventexport.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_eventexport.engine.runner import StreamRun
    from tap_eventexport.vendor import Api

STREAMS: tuple[type[EventStream], ...] = tuple(
    stream for vendor in VENDORS for api in vendor.apis.values() for stream in api.streams
)


class TapEventExport(CommandLine):
    """Event history of Dfinery, HappyTalk, Croct, Infobip and Naver Cloud API Gateway."""

    name = "tap-eventexport"
    config_jsonschema: ClassVar = settings.SCHEMA

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        self._shutdown = Shutdown()
        self._start = Start.here()
        self._writer = MessageWriter(self._shutdown)
        super().__init__(message_writer=self._writer, **options)

    # Settings

    @classmethod
    def settings_of_environment(cls) -> dict[str, Any]:
        """Return the settings in the environment.

        Raises:
            ConfigValidationError: If one can't be read.
        """
        cls.append_builtin_config(cls.config_jsonschema)
        try:
            return from_environment(cls.config_jsonschema, cls.settings_prefix())
        except InputError as error:
            raise ConfigValidationError(str(error), errors=[str(error)], schema={}) from None

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's own settings, with bounds."""
        super().append_builtin_config(config_jsonschema)
        settings.bound(config_jsonschema)

    @classmethod
    def print_about(cls, output_format: str | None = None) -> None:
        """Print what the tap can do, and its settings."""
        if output_format:
            super().print_about(output_format)
            return
        blocks = {vendor.name: vendor.settings for vendor in VENDORS}
        named = {"All vendors": settings.GENERAL, **blocks}
        names = {heading: [each.name for each in block] for heading, block in named.items()}
        print(about_text(cls.about_info(), names))  # noqa: T201

    def prepare_settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings to use; wrong ones are an error, since no stream can be made of them.

        Raises:
            ConfigValidationError: If some are wrong; with a line for each.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        unknown = list(checks.unknown_settings(given, schema, self.settings_prefix()))
        config = checks.prepared(given, schema)
        errors = list(JSONSchemaValidator(checks.with_any_maps(schema)).iter_errors(config))
        problems = checks.problems(errors, config, schema)
        redact_logs(checks.secrets(config, schema))
        for line in (*unknown, *checks.undocumented_values(config)):
            self.logger.warning(line)
        if problems:
            raise ConfigValidationError("The settings are wrong", errors=problems, schema={})
        return config

    def listen_to_signals(self) -> None:
        """Handle SIGTERM and SIGINT."""
        self._shutdown.listen()

    # Streams

    def discover_streams(self) -> list[EventStream]:
        """Return the streams of the configured vendors."""
        return [
            stream(self, client.for_another_stream())
            for api, client in self._clients()
            for stream in api.streams
        ]

    def _clients(self) -> Iterator[tuple[Api, HttpClient]]:
        for api in (vendor.api(self.config) for vendor in VENDORS):
            if api.is_configured(self.config):
                yield api, self._client(api)

    def _client(self, api: Api) -> HttpClient:
        concurrency: int = self.config["concurrency"]
        return HttpClient(
            vendor=api.name,
            concurrency=min(concurrency, api.max_concurrency or concurrency),
            timeout=self.config["request_timeout"],
            max_retry_wait=self.config["max_retry_wait"],
            user_agent=self.config.get("user_agent") or f"{self.name}/{self.plugin_version}",
            shutdown=self._shutdown,
            quota=api.rate and TokenBucket(*api.rate, self._shutdown.wait),
            start=self._start,
        )

    def run_discovery(self) -> str:
        """Print the catalog, with columns that only the vendors know, if they respond."""
        for stream in self._event_streams:
            stream.client.fail_fast()
            try:
                stream.discover_columns()
            except SyncError as error:
                self.logger.warning(
                    "%s: the catalog has the documented columns only: %s", stream.name, error
                )
            except ShutdownRequested:
                sys.exit(self._shutdown.exit_code)
        return super().run_discovery()

    def setup_mapper(self) -> None:
        """Make the stream maps of the selected streams.

        Raises:
            ConfigValidationError: If the catalog or they ask for what can't be done.
        """
        problems = list(general_problems(self.config.get("stream_maps") or {}))
        if not problems:
            PluginBase.setup_mapper(self)
            problems = wanted.problems(self._selected_streams)
        if problems:
            raise ConfigValidationError("The inputs don't fit", errors=problems, schema={})

    # State

    def load_state(self, state: object) -> None:
        """Take the STATE of an earlier run, as a value or as a whole STATE message.

        Raises:
            InvalidStateError: If it has another form.
        """
        self.mutable_state.update(deepcopy(read_state(state)))

    # Runs

    @property
    def _event_streams(self) -> list[EventStream]:
        return [stream for stream in self.streams.values() if isinstance(stream, EventStream)]

    @property
    def _selected_streams(self) -> list[EventStream]:
        return [stream for stream in self._event_streams if stream.selected]

    def run(self) -> int:
        """Read all selected streams.

        Returns:
            The exit code: 0; 1 if a stream failed; 143 or 130 if a signal came.

        Raises:
            OutputClosedError: If the reader of stdout has ended.
        """
        if self._start.now < EARLIEST:
            self.logger.error(
                "this machine's clock says %s, which is years in the past: set it",
                format_instant(self._start.now),
            )
            return FAILED
        maps = self.config.get("stream_maps") or {}
        for warning in wanted.warnings(STREAMS, self._event_streams, self.input_catalog, maps):
            self.logger.warning(warning)
        streams = [stream for stream in self._selected_streams if not stream.is_removed]
        runs: list[StreamRun] = []
        try:
            for stream in streams:
                if not stream.is_growing:
                    stream.write_schema()
            runs = plan_streams(streams, self._writer)
            with live_table(runs):
                run_streams(runs, self._writer)
        except ShutdownRequested:
            return self._end_early(runs)
        except OutputClosedError:
            if self._shutdown.exit_code is None:
                print_summary(runs)
                raise
            return self._end_early(runs)
        self._summarize(runs)
        failed = [run for run in runs if run.progress.error]
        if failed:
            self.logger.error(
                "%d of %d streams failed; STATE keeps what was read before, and the next run "
                "resumes from there",
                len(failed),
                len(runs),
            )
        return FAILED if failed else 0

    def _end_early(self, runs: Sequence[StreamRun]) -> int:
        with suppress(OutputClosedError):  # the signal may have ended the target, too
            if self.state:
                self._writer.write_message(StateMessage(value=self.state))
        self._summarize(runs)
        self.logger.warning("stopped by a signal; the next run resumes from the last STATE")
        return self._shutdown.exit_code or FAILED

    def _summarize(self, runs: Sequence[StreamRun]) -> None:
        lines = table_lines(HEADINGS, [figures(run).texts() for run in runs])
        for line in lines:
            self.logger.getChild("summary").info(line)
        print_summary(runs)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read all selected streams, as the command does."""
        self.run()

    def run_sync_dry_run(self, *_: object, **__: object) -> bool:  # type: ignore[misc]
        """Read all selected streams completely, for the SDK's own tests.

        Raises:
            SyncError: If one failed.
        """
        if self.run():
            raise SyncError("a stream failed; see the log")
        return True

    def run_connection_test(self) -> bool:  # type: ignore[misc]
        """Whether all configured vendors accept the credentials."""
        return self.check_connection() == 0

    def check_connection(self) -> int:
        """Check the credentials of each configured vendor with one cheap request.

        Returns:
            The exit code: 0; 1 if a connection failed; 143 or 130 if a signal came.
        """
        apis = [vendor.api(self.config) for vendor in VENDORS]
        try:
            is_fine = check_connections(apis, self.config, self._selected_streams, self.logger)
        except ShutdownRequested:
            return self._shutdown.exit_code or FAILED
        return 0 if is_fine else FAILED


def main() -> NoReturn:
    """The command `tap-eventexport`.

    Its process ends without Python's own end, which isn't safe beside workers that still wait for
    an answer: a library's code may crash there, after everything was written.
    """
    code: object = 0
    try:
        with standard_streams(TapEventExport.logger.error):
            command = TapEventExport.cli
            shorten_log()
            command()
    except SystemExit as end:
        code = end.code or 0
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else FAILED)
