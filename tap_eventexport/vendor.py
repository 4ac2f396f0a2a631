"""What a vendor's room says of it: its settings, what they need, its limits and its streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from singer_sdk import typing as th

    from tap_eventexport.engine.stream import EventStream

    Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One way to read from a vendor, which one credential opens.

    Attributes:
        name: For people.
        credential: The setting that makes it configured.
        required: The settings that must be set then.
        urls: The settings that hold its addresses.
        max_concurrency: The vendor's own limit of concurrent requests; None if there is none.
        rate: The vendor's own limit of requests, a second and at once; None if there is none.
        streams: What it has.
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
    """No further checks."""
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor.

    Attributes:
        name: For people.
        settings: Its block of settings.
        apis: The ways to read from it, by the value of the setting `mode`; the first is the usual.
        mode: The setting that chooses one of several.
        guide: Where a person finds the credentials; stands in `.secrets.example`.
        examples: Invented values of settings, for `.secrets.example`.
        prepare: Brings settings into the form that its streams work with.
        problems: Further checks: takes the settings that fit the schema, and the names of all that
            are set; yields lines that begin with the setting's name.
    """

    name: str
    settings: th.PropertiesList
    apis: Mapping[str, Api]
    mode: str = ""
    guide: str
    examples: Mapping[str, str]
    prepare: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    problems: Callable[[Config, Collection[str]], Iterator[str]] = no_problems

    def api(self, config: Config) -> Api:
        """The way to read that some settings choose."""
        return self.apis.get(config.get(self.mode, ""), next(iter(self.apis.values())))
