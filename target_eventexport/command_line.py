"""The command line of the target: its options, and one line for each thing that is wrong."""

from __future__ import annotations

from typing import IO, Any, NoReturn

import click
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError

from target_eventexport import checks
from target_eventexport.environment import PREFIX, from_environment
from target_eventexport.errors import LoadError, one_line
from target_eventexport.help import about_text, describe_command
from target_eventexport.settings import SCHEMA

FAILED = 1  # exit code


class CommandLine(Target):
    """A target with its command line."""

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the command, with this loader's help."""
        command = super().get_singer_command()
        describe_command(command)
        return command

    @classmethod
    def print_about(cls, output_format: str | None = None) -> None:
        """Print what the loader can do, and its settings."""
        if output_format:
            super().print_about(output_format)
            return
        print(about_text(cls._get_about_info(), SCHEMA["properties"]))  # noqa: T201

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:  # noqa: ANN401
        """Read the configuration files."""
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, TypeError, ValueError) as error:
            cls._fail(f"--config: {one_line(error)}")

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,  # noqa: ANN401 - the SDK's own
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target; without `--config`, with the settings of the environment."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        given = config.config
        if config.parse_env or not given:
            given = {**given, **from_environment(schema)}
        for line in checks.unknown_settings(given, schema, PREFIX):
            cls.logger.warning(line)
        if lines := checks.problems(given, schema):
            cls._fail(*lines)
        try:
            cls(config=given).listen(file_input)
        except ConfigValidationError as error:
            cls._fail(*(error.errors or [str(error)]))
        except LoadError as error:
            cls._fail(str(error))

    @classmethod
    def _fail(cls, *lines: str) -> NoReturn:
        for line in lines:
            cls.logger.error(line)
        click.get_current_context().exit(FAILED)
