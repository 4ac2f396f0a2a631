"""The command line of the tap: its options, and one line for each input that can't be used."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click
from singer_sdk.exceptions import ConfigValidationError, StreamMapConfigError
from singer_sdk.tap_base import CliTestOptionValue

from tap_eventexport.console.standard_streams import FAILED
from tap_eventexport.engine.errors import InvalidStateError
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.singer.catalog import catalog_problems, with_methods
from tap_eventexport.engine.singer.sdk import ConfigInput, SdkTap
from tap_eventexport.environment import file_for_all
from tap_eventexport.help import describe_command
from tap_eventexport.inputs import InputError, object_in, read_object, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class CommandLine(SdkTap):
    """A tap with its command line."""

    @abstractmethod
    def run(self) -> int:
        """Read all selected streams, and return the exit code."""

    @abstractmethod
    def check_connection(self) -> int:
        """Check the credentials, and return the exit code."""

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the command; it opens no files itself, so that all errors have one form."""
        command = super().get_singer_command()
        for option in command.params:
            if option.name in {"state", "catalog"}:
                option.type = click.STRING
            if option.name == "test":
                option.type = click.Choice([each.value for each in CliTestOptionValue])
        describe_command(command)
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
        cls,
        ctx: click.Context,
        config: ConfigInput | None,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
    ) -> Self:
        """Make a tap, or end the command with a line for each wrong setting."""
        try:
            return cls(
                config=config.config if config else None,
                parse_env_config=bool(config and config.parse_env),
                state=state,
                catalog=catalog,
            )
        except ConfigValidationError as error:
            cls._fail(ctx, *error.errors, *cls._hints(config))
        except (InvalidStateError, StreamMapConfigError) as error:
            cls._fail(ctx, str(error))

    @classmethod
    def _hints(cls, config: ConfigInput | None) -> Iterator[str]:
        """Yield a line if settings are there, but nobody asked for them."""
        if config and (config.config or config.parse_env):
            return
        with suppress(ConfigValidationError):  # of a file that can't be read
            if cls.settings_of_environment():
                yield (
                    "--config: not given, so the settings in the environment and .env are not "
                    "read; --config=ENV reads them"
                )

    @classmethod
    def _fail(cls, ctx: click.Context, *lines: str) -> NoReturn:
        for line in lines:
            cls.logger.error(line)
        ctx.exit(FAILED)
