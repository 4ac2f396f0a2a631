"""The description of a vendor: its settings, limits and streams."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from singer_sdk import typing as th

    from tap_eventexport.engine.stream import EventStream

    Config = Mapping[str, Any]

_placeholder = re.compile(r"your-|xxxxx\.")  # in an example, for what only the user can know


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API of a vendor, with its own credential.

    Attributes:
        name: Its name, for messages.
        credential: The setting that makes it configured.
        required: The other settings that it needs.
        urls: The settings that hold its addresses.
        max_concurrency: The most requests at the same time, whatever the setting; None if any.
        rate: The vendor's own limit: requests per second, and in a burst; None if there is none.
        streams: Its streams.
    """

    name: str
    credential: str
    required: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    max_concurrency: int | None = None
    rate: tuple[float, int] | None = None
    streams: tuple[type[EventStream], ...]

    def is_configured(self, config: Config) -> bool:
        """Whether the credential is set."""
        return bool(config.get(self.credential))


def no_problems(_right: Config, _named: Collection[str]) -> Iterator[str]:
    """Check nothing more."""
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor.

    Attributes:
        name: Its name, for messages.
        settings: Its block of settings.
        apis: Its APIs, by the value of the setting `mode`; the first is the default.
        mode: The setting that chooses one of several APIs.
        guide: Where the user finds the credentials, for `.secrets.example`.
        guide_in_korean: The same in Korean, with the menus' Korean names.
        examples: Invented values of settings, for `.secrets.example`.
        documented: The values that the vendor documents for the items of a setting's list. Others
            are sent, since a vendor may have newer ones.
        prepare: Converts settings to the form that its streams need.
        problems: Further checks. Takes the settings that fit the schema, and the names of all
            settings that are set; yields lines that begin with the setting's name.
    """

    name: str
    settings: th.PropertiesList
    apis: Mapping[str, Api]
    mode: str = ""
    guide: str
    guide_in_korean: str = ""
    examples: Mapping[str, str]
    documented: Mapping[str, Collection[str]] = field(default_factory=dict)
    prepare: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    problems: Callable[[Config, Collection[str]], Iterator[str]] = no_problems

    @property
    def placeholders(self) -> frozenset[str]:
        """The examples that the user must replace by values of their own."""
        return frozenset(filter(_placeholder.search, self.examples.values()))

    def api(self, config: Config) -> Api:
        """Return the API that the settings choose."""
        return self.apis.get(config.get(self.mode, ""), next(iter(self.apis.values())))
