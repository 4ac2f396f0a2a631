"""The tap: reads settings, runs the streams of the configured vendors, sets the exit code."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import click
from singer_sdk.exceptions import ConfigValidationError, StreamMapConfigError, SyncError
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase
from singer_sdk.singerlib.encoding.simple import StateMessage
from singer_sdk.tap_base import CliTestOptionValue

from tap_eventexport import checks, settings, wanted
from tap_eventexport.console.live_table import is_on_terminal, live_table, print_summary
from tap_eventexport.console.redaction import redact_logs
from tap_eventexport.console.standard_streams import FAILED, standard_streams
from tap_eventexport.console.summary import summary, summary_lines
from tap_eventexport.engine.errors import InvalidStateError, ShutdownRequested
from tap_eventexport.engine.http.client import HttpClient
from tap_eventexport.engine.http.clocks import Start
from tap_eventexport.engine.http.headers import EARLIEST
from tap_eventexport.engine.http.rate_limit import TokenBucket
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.network import NO_FILES, TOO_MANY_FILES
from tap_eventexport.engine.runner import plan_streams, run_streams
from tap_eventexport.engine.shutdown import Shutdown
from tap_eventexport.engine.singer.catalog import catalog_problems, with_methods
from tap_eventexport.engine.singer.messages import MessageWriter
from tap_eventexport.engine.singer.sdk import ConfigInput, SdkTap
from tap_eventexport.engine.singer.transform import general_problems
from tap_eventexport.engine.state.codec import read_state
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.environment import file_for_all, from_environment
from tap_eventexport.inputs import InputError, object_in, read_object, read_text
from tap_eventexport.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_eventexport.vendor import Api

STREAMS: tuple[type[EventStream], ...] = tuple(
    stream for vendor in VENDORS for api in vendor.apis.values() for stream in api.streams
)


class TapEventExport(SdkTap):
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
        for line in unknown:
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
        try:
            for stream in streams:
                if not stream.is_growing:
                    stream.write_schema()
            syncs, failures = plan_streams(streams, self._writer)
            with live_table(syncs):
                failures |= run_streams(syncs, self._writer)
        except ShutdownRequested:
            return self._end_early()
        rows = summary(syncs, failures)
        if is_on_terminal():
            print_summary(rows)
        else:
            for line in summary_lines(rows):
                self.logger.info(line)
        for name, error in failures.items():
            self.logger.error("%s failed: %s", name, describe(error))
            self.logger.debug("%s failed", name, exc_info=error)
        if failures:
            self.logger.error(
                "%d of %d streams failed; STATE keeps what was read before, and the next run "
                "resumes from there",
                len(failures),
                len(streams),
            )
        return FAILED if failures else 0

    def _end_early(self) -> int:
        code = self._shutdown.exit_code or FAILED
        if self.state:
            self._writer.write_message(StateMessage(value=self.state))
        self.logger.warning("stopped by a signal; the next run resumes from the last STATE")
        return code

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

        If its selected streams have several endpoints, each of these is requested.

        Returns:
            The exit code: 0; 1 if a connection failed; 143 or 130 if a signal came.
        """
        code = 0
        for api in (vendor.api(self.config) for vendor in VENDORS):
            if not api.is_configured(self.config):
                needed = api.credential
                self.logger.info("%s: not configured (%s is not set)", api.name, needed)
                continue
            streams = [stream for stream in self._selected_streams if stream.vendor == api.name]
            firsts = {stream.path: stream for stream in reversed(streams)}
            try:
                errors = {each.name: _connection_error(each) for each in reversed(firsts.values())}
            except ShutdownRequested:
                return self._shutdown.exit_code or FAILED
            code = max(code, self._log_connection(api.name, errors))
        return code

    def _log_connection(self, vendor: str, errors: Mapping[str, Exception | None]) -> int:
        """Log if a vendor can be read, given the errors by stream; returns the exit code."""
        failed = {name: error for name, error in errors.items() if error}
        fine = [name for name in errors if name not in failed]
        for name, error in list(failed.items())[: None if fine else 1]:
            place = f" for {name}" if fine else ""
            self.logger.error("%s: connection failed%s: %s", vendor, place, describe(error))
            self.logger.debug("%s: connection failed%s", vendor, place, exc_info=error)
        if fine:
            place = f" for {', '.join(fine)}" if failed else ""
            self.logger.info("%s: connection OK%s", vendor, place)
        return FAILED if failed else 0

    # Command line

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the command; it opens no files itself, so that all errors have one form."""
        command = super().get_singer_command()
        for option in command.params:
            if option.name in {"state", "catalog"}:
                option.type = click.STRING
        return command

    @classmethod
    def cb_config(
        cls,
        ctx: click.Context,
        param: click.Option,  # noqa: ARG003
        value: tuple[str, ...],
    ) -> ConfigInput:
        """Read all configuration files, then report all errors."""
        config: dict[str, Any] = {}
        problems = []
        for path in value:
            try:
                config |= {} if path == "ENV" else read_object(path)
            except InputError as error:
                problems.append(f"--config: {error}")
        if problems:
            cls._fail(ctx, *problems)
        return ConfigInput(config, parse_env="ENV" in value)

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Print the catalog."""
        try:
            super().cb_discover(ctx, param, value)
        except StreamMapConfigError as error:
            cls._fail(ctx, f"stream_maps: {error}")

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:  # noqa: ARG003
        """Check the credentials, or only write the schemas."""
        if value == CliTestOptionValue.Disabled.value:
            return
        config: ConfigInput | None = ctx.params.get("config")
        tap = cls._made(ctx, config)
        if value == CliTestOptionValue.Schema.value:
            tap.write_schemas()
            ctx.exit()
        if config and config.parse_env and (path := file_for_all()):
            cls.logger.warning(
                "%s can be read or changed by others on this machine; chmod 600 keeps it yours",
                quote_name(path),
            )
        ctx.exit(tap.check_connection())

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: ConfigInput | None = None,
        state: str | None = None,
        catalog: str | None = None,
    ) -> None:
        """Run the tap."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        ctx = click.get_current_context()
        tap = cls._made(
            ctx,
            config,
            state=cls._loaded(ctx, "--state", state),
            catalog=cls._loaded_catalog(ctx, catalog),
        )
        ctx.exit(tap.run())

    @classmethod
    def _loaded(cls, ctx: click.Context, option: str, path: str | None) -> dict[str, Any] | None:
        if path is None:
            return None
        try:
            text = read_text(path)
            if option == "--state" and not text.strip():
                cls.logger.warning(
                    "--state: %s is empty, as after a run that wrote no state: all is read from "
                    "start_date",
                    quote_name(path),
                )
                return None
            return object_in(text, path)
        except InputError as error:
            cls._fail(ctx, f"{option}: {error}")

    @classmethod
    def _loaded_catalog(cls, ctx: click.Context, path: str | None) -> dict[str, Any] | None:
        value = cls._loaded(ctx, "--catalog", path)
        if value is None:
            return None
        if problems := catalog_problems(value):
            cls._fail(ctx, *(f"--catalog: {quote_name(f'{path}')}: {line}" for line in problems))
        return with_methods(value)

    @classmethod
    def _made(
        cls, ctx: click.Context, config: ConfigInput | None, **inputs: dict[str, Any] | None
    ) -> TapEventExport:
        """Make a tap, or end the command with a line for each wrong setting."""
        try:
            return cls(
                config=config.config if config else None,
                parse_env_config=bool(config and config.parse_env),
                **inputs,
            )
        except ConfigValidationError as error:
            cls._fail(ctx, *error.errors)
        except (InvalidStateError, StreamMapConfigError) as error:
            cls._fail(ctx, str(error))

    @classmethod
    def _fail(cls, ctx: click.Context, *lines: str) -> NoReturn:
        for line in lines:
            cls.logger.error(line)
        ctx.exit(FAILED)


def _connection_error(stream: EventStream) -> Exception | None:
    stream.client.fail_fast()
    try:
        stream.check_connection()
    except Exception as error:  # noqa: BLE001 - of this vendor alone
        return error
    return None


def describe(error: Exception) -> str:
    """Describe an error in one line."""
    text = " ".join(str(error).split()) or "no further information"
    if isinstance(error, OSError) and error.errno in NO_FILES:
        return TOO_MANY_FILES
    return text if isinstance(error, SyncError) else f"{type(error).__name__}: {text}"


def main() -> NoReturn:
    """The command `tap-eventexport`."""
    with standard_streams(TapEventExport.logger.error):
        TapEventExport.cli()
    sys.exit()
