"""Checks the settings, and reports all problems at once, in lines that name the setting."""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit

from tap_eventexport.engine.http.headers import EARLIEST
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.windows import (
    EPOCH,
    format_instant,
    parse_instant,
)
from tap_eventexport.environment import is_like
from tap_eventexport.schema_errors import (
    DATE,
    HIDDEN,
    MOST_LINES,
    format_value,
    is_secret,
    meant,
    schema_problems,
)
from tap_eventexport.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from jsonschema import ValidationError

    from tap_eventexport.vendor import Api

    Config = Mapping[str, Any]

ANY_ZONE = timedelta(hours=14)  # a date this far ahead is already today somewhere
PLACEHOLDERS = frozenset[str]().union(*(vendor.placeholders for vendor in VENDORS))
PLACEHOLDER_OF_A_SECRET = "your-"  # noqa: S105 - how all of them begin

_host = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")


def prepared(config: Config, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are set, each in the form that the tap needs.

    In environments, an empty text means that nothing is set. 4.0 is a whole number.
    """
    settings = schema["properties"]
    made = {
        name: _whole(value, settings.get(name, {}))
        for name, value in config.items()
        if value is not None and value != ""
    }
    for vendor in VENDORS:
        vendor.prepare(made)
    return made


def _whole(value: Any, setting: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of any type
    if isinstance(value, dict):
        parts = setting.get("properties", {})
        return {name: _whole(each, parts.get(name, {})) for name, each in value.items()}
    is_fraction = isinstance(value, (float, Decimal)) and "integer" in setting.get("type", ())
    return int(value) if is_fraction and abs(value) < 1 << 53 and value % 1 == 0 else value


def secrets(config: Config, schema: Mapping[str, Any]) -> list[str]:
    """Return the values that must never be shown."""
    return [
        str(config[name])
        for name, setting in schema["properties"].items()
        if is_secret(setting) and config.get(name)
    ]


def unknown_settings(config: Config, schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a line for each unknown name, with the most similar setting.

    Args:
        config: The given settings, and variables that name no setting.
        schema: The settings' schema.
        prefix: The prefix of the tap's variables.
    """
    names = schema["properties"]
    variables = [f"{prefix}{name.upper()}" for name in names]
    for name, value in config.items():
        if name in names:
            continue
        if value is None and is_like(name, prefix, variables):
            hint = meant(name, variables)
        else:
            hint = meant(name.removeprefix(prefix), names)
        yield f"{quote_name(name)}: unknown, so it has no effect{hint}"


def undocumented_values(config: Config) -> Iterator[str]:
    """Yield a line for each value that its vendor doesn't document, with the most similar one.

    Values that are reported as wrong are left out.
    """
    for vendor in VENDORS:
        for name, documented in vendor.documented.items():
            given = config.get(name)
            values = dict.fromkeys(filter(_is_text, given)) if isinstance(given, list) else ()
            for value in islice((each for each in values if each not in documented), MOST_LINES):
                yield (
                    f"{name}: {quote_name(value)} is none of the values that {vendor.name} "
                    f"documents, and is sent as it is{meant(value, documented)}"
                )


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not any(_problems_of_text("", value))


def with_any_maps(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with any object as stream maps, which are checked when they are made.

    Stream maps of streams that aren't selected have no effect.
    """
    maps = {"type": schema["properties"]["stream_maps"]["type"]}
    return {**schema, "properties": {**schema["properties"], "stream_maps": maps}}


def problems(
    errors: Iterable[ValidationError],
    config: Config,
    schema: Mapping[str, Any],
    now: datetime | None = None,
) -> list[str]:
    """Return a line for each problem, in the order of the settings.

    Settings that the schema refuses don't hide other problems: the rest is checked further. If
    several checks of one value fail, only the first is reported.

    Args:
        errors: The errors of the settings' schema.
        config: The settings, prepared, with their defaults.
        schema: The settings' schema.
        now: The current time; the start must be before it.
    """
    found = {**schema_problems(errors, schema), **_placeholder_problems(config, schema)}
    right = {name: value for name, value in config.items() if name not in found}
    further = (
        *_vendor_problems(right, config.keys()),
        *_date_problems(right, now or datetime.now(UTC)),
        *(line for vendor in VENDORS for line in vendor.problems(right, config.keys())),
        *_built_in_problems(right, config),
        *_text_problems(config, schema),
    )
    for line in further:
        found.setdefault(line.partition(":")[0], [line])
    order = {name: number for number, name in enumerate(schema["properties"])}
    places = sorted(found, key=lambda place: order.get(place.partition("[")[0], -1))
    return [line for place in places for line in found[place]]


def _vendor_problems(right: Config, named: AbstractSet[str]) -> Iterator[str]:
    undecided = [vendor for vendor in VENDORS if vendor.mode in named - right.keys()]
    apis = [vendor.api(right) for vendor in VENDORS if vendor not in undecided]
    if not undecided and named.isdisjoint(api.credential for api in apis):
        needs = "; ".join(
            f"{api.name}: {', '.join((api.credential, *api.required))}" for api in apis
        )
        yield (
            f"no vendor is configured; set what one of them needs: {needs} (as variables, in "
            "capitals after TAP_EVENTEXPORT_)"
        )
    for api in apis:
        yield from _problems_of(api, right, named)


def _problems_of(api: Api, right: Config, named: AbstractSet[str]) -> Iterator[str]:
    for name in api.required:
        if api.credential in named and name not in named:
            yield f"{name}: not set, but {api.name} needs it beside {api.credential}"
        elif api.credential not in named and name in named:
            yield f"{api.credential}: not set, but {name} is; {api.name} needs both"
    for name in api.urls:
        if name in right and (problem := url_problem(right[name])):
            yield f"{name}: {problem}"


def _date_problems(right: Config, now: datetime) -> Iterator[str]:
    dates = {}
    for name in {"start_date", "end_date"} & right.keys():
        try:
            dates[name] = parse_instant(right[name], since=EPOCH)
        except ValueError:
            yield f"{name}: got {format_value(right[name])}, expected {DATE}, from 1970 to 9998"
    start, end = dates.get("start_date"), dates.get("end_date")
    if start and end and start > end:
        yield (
            f"start_date: got {format_value(right['start_date'])}, expected a date before "
            f"end_date, which is {format_value(right['end_date'])}"
        )
    if start and start - ANY_ZONE > now >= EARLIEST:  # else the clock is wrong, not the setting
        yield (
            f"start_date: got {format_value(right['start_date'])}, expected a date in the past; "
            f"it is {format_instant(now)} now"
        )


def _built_in_problems(right: Config, config: Config) -> Iterator[str]:
    """Check the SDK's own settings, in addition to its schema."""
    if right.get("flattening_enabled") and "flattening_max_depth" not in config:
        yield "flattening_max_depth: not set, but flattening_enabled needs it"
    if "faker_config" in right and find_spec("faker"):
        try:
            _try_faker(**right["faker_config"])
        except (AttributeError, TypeError, ValueError) as error:
            yield f"faker_config: Faker can't use it: {' '.join(str(error).split())}"
    batches = config.get("batch_config")
    storage = batches.get("storage") if isinstance(batches, dict) else None
    if isinstance(storage, dict):
        place = 'batch_config["storage"]'
        yield from _problems_of_text(f'{place}["root"]', storage.get("root"))
        yield from _problems_of_text(f'{place}["prefix"]', storage.get("prefix") or None)
        if isinstance(storage.get("root"), str) and (problem := _folder_problem(**storage)):
            yield f'{place}["root"]: {problem}'


def _folder_problem(root: str, params: Any = None, **_: object) -> str | None:  # noqa: ANN401
    """Return why files can't be written below an address; None if no reason is known."""
    from fsspec import get_filesystem_class  # noqa: PLC0415 - slow to import, and seldom needed
    from upath import UPath  # noqa: PLC0415

    given = "an address" if "@" in root else format_value(root)
    try:
        path = UPath(root, **(params if isinstance(params, dict) else {}))
        get_filesystem_class(path.protocol)
    except (ImportError, TypeError, ValueError) as error:
        return f"got {given}, expected a folder or an address that fsspec knows: {error}"
    if path.protocol not in {"", "file", "local"}:
        return None
    folder = Path(path.path).absolute()
    there = next(each for each in (folder, *folder.parents) if os.path.exists(each))  # noqa: PTH110 - no error for what is unreadable
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    why = "can't be written" if there.is_dir() else "is not a folder"
    return f"got {given}, but {quote_name(str(there))} {why}"


def _try_faker(seed: Any = None, locale: Any = None, **_: object) -> None:  # noqa: ANN401
    from faker import Faker  # type: ignore[import-not-found]  # noqa: PLC0415 - an extra of the SDK

    Faker.seed(seed)
    Faker(locale)


def _placeholder_problems(config: Config, schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return a line for each setting that has the value of `.secrets.example`, by its name."""
    settings = schema["properties"]
    return {
        name: [
            f"{name}: still has the placeholder of .secrets.example; replace it, or remove the line"
        ]
        for name, value in config.items()
        if isinstance(value, str) and _is_placeholder(value.strip(), settings.get(name, {}))
    }


def _is_placeholder(text: str, setting: Mapping[str, Any]) -> bool:
    is_untouched = text.removeprefix("https://").removesuffix("/") in PLACEHOLDERS
    return is_untouched or (is_secret(setting) and text.startswith(PLACEHOLDER_OF_A_SECRET))


def _text_problems(config: Config, schema: Mapping[str, Any]) -> Iterator[str]:
    for name, setting in schema["properties"].items():
        value = config.get(name)
        if value and isinstance(value, str):
            yield from _problems_of_text(name, value, is_secret=is_secret(setting))
        if isinstance(value, list):
            found = (
                problem
                for number, text in enumerate(value)
                for problem in _problems_of_text(
                    f"{name}[{number}]", text, is_secret=is_secret(setting)
                )
            )
            yield from islice(found, MOST_LINES)


def _problems_of_text(place: str, text: object, *, is_secret: bool = False) -> Iterator[str]:
    """Check that a text isn't empty or in several lines."""
    if not isinstance(text, str):
        return
    if (is_secret or place == "user_agent") and not _fits_a_header(text):
        yield (
            f"{place}: got {HIDDEN if is_secret else format_value(text)}, expected printable ASCII "
            "without spaces at its ends; did you copy a line break or a quote with it?"
        )
    elif not text.isprintable() or text != text.strip() or not text:
        yield (
            f"{place}: got {format_value(text)}, expected a text without line breaks, control "
            "characters, or blanks at its ends"
        )


def url_problem(url: str) -> str | None:
    """Return why credentials can't be sent to an address; None if they can."""
    if "@" in url:
        return "expected an address without a user name or password in it"
    address = re.split("[?#]", url)[0]  # the rest may hold secrets
    expected = f"got {format_value(address)}, expected an address such as https://host"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return expected
    if address != url or parts.scheme not in {"http", "https"} or not _is_host(parts.netloc, host):
        return expected
    if not url.isprintable() or " " in url or "\\" in url:
        return expected
    if parts.scheme == "http" and not _is_loopback(host):
        return f"got {format_value(url)}, expected https: credentials are not sent unencrypted"
    return None


def _is_host(netloc: str, host: str) -> bool:
    return not netloc.endswith(":") and bool(_host.fullmatch(host) or netloc.startswith("["))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
