"""The private names of singer-sdk that this project uses, each with its reason.

No other file imports or overrides a private name of the SDK, so that only this file must be checked
for a new release. `tests/test_sdk.py` fails with a clear text if a release lacks one.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream, Tap
from singer_sdk.helpers._batch import BatchConfig, SDKBatchMessage
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.mapper import CustomStreamMap
from singer_sdk.plugin_base import _ConfigInput as ConfigInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.about import AboutInfo
    from singer_sdk.mapper import StreamMap

__all__ = [
    "PRIVATE",
    "BatchConfig",
    "ConfigInput",
    "SDKBatchMessage",
    "SdkStream",
    "SdkTap",
    "evaluate",
]

PRIVATE: dict[type, dict[str, str]] = {
    Stream: {
        "_tap": "a stream's tap has STATE, its writers and the catalog",
        "_stream_maps": "stream maps are made again when a column appears in mid-run",
        "_input_schema": "the tap's types may be newer than those of the catalog",
        "_write_schema_message": "a new column needs a new SCHEMA message",
    },
    Tap: {
        "_env_var_config": "all wrong settings of the environment are reported at once",
        "_env_var_prefix": "unknown settings of the environment are reported by their full names",
        "_validate_config": "wrong settings end the run, while the SDK only warns of some",
        "_config": "settings are prepared before they are checked",
        "_state": "STATE is changed in place, since the streams already refer to it",
        "_setup_signal_handlers": "signals set a flag, so that STATE is complete at the end",
        "_get_about_info": "the text of --about has meanings and defaults",
    },
    CustomStreamMap: {
        "_eval": "an error of a stream map names the property whose expression fails",
    },
}


def evaluate(stream_map: StreamMap, name: str, expression: str, record: dict[str, Any]) -> None:
    """Evaluate the expression of one property of a stream map, and let its error be raised."""
    if isinstance(stream_map, CustomStreamMap):
        (statement,) = ast.parse(expression).body
        stream_map._eval(expression, statement, record, name)  # type: ignore[arg-type]  # noqa: SLF001


class SdkStream(Stream):
    """The SDK's stream, with public names for its private parts."""

    @property
    def tap(self) -> Tap:
        """The tap that the stream belongs to."""
        return self._tap

    @property
    def made_maps(self) -> Sequence[StreamMap]:
        """The stream maps; empty before they are made."""
        return self._stream_maps or []

    @made_maps.setter
    def made_maps(self, maps: Sequence[StreamMap]) -> None:
        self._stream_maps = list(maps)

    @property
    def catalog_schema(self) -> dict[str, Any] | None:
        """The schema in the catalog; None without a catalog."""
        return self._input_schema

    @catalog_schema.setter
    def catalog_schema(self, schema: dict[str, Any]) -> None:
        self._input_schema = schema

    def write_schema(self) -> None:
        """Write the SCHEMA message, or several if stream maps make several streams."""
        self._write_schema_message()


class SdkTap(Tap):
    """The SDK's tap, with public names for its private hooks."""

    @classmethod
    def settings_prefix(cls) -> str:
        """Return the prefix of the settings' environment variables."""
        prefix: str = cls._env_var_prefix
        return prefix

    @classmethod
    def about_info(cls) -> AboutInfo:
        """Return what the SDK knows of the tap."""
        return cls._get_about_info()

    @classmethod
    @abstractmethod
    def settings_of_environment(cls) -> dict[str, Any]:
        """Return the settings in the environment."""

    @abstractmethod
    def prepare_settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings to use, made from the given ones.

        Raises:
            ConfigValidationError: If they are wrong.
        """

    @abstractmethod
    def listen_to_signals(self) -> None:
        """Handle the signals that end a run."""

    @property
    def mutable_state(self) -> dict[str, Any]:
        """STATE, which all streams share."""
        return self._state  # type: ignore[return-value]

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        return cls.settings_of_environment()

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:  # noqa: ARG002
        self._config = self.prepare_settings(self._config)
        return []

    def _setup_signal_handlers(self) -> None:
        self.listen_to_signals()
