"""Checks of the settings, each problem told in a line that names the setting."""

from __future__ import annotations

import ipaddress
import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from dotenv import find_dotenv, load_dotenv

from tap_eventexport.engine.windows import EPOCH, parse_instant, time_zone
from tap_eventexport.settings import INFOBIP_API, vendors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

    from tap_eventexport.settings import Vendor


MOST_DEFINITIONS = 200  # "definitionIdList": at most 200 entries, unique


def without_blanks(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are set: an empty text is how environments say that nothing is."""
    return {name: value for name, value in config.items() if value is not None and value != ""}


def with_scheme(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with https:// before Infobip's base URL, which is handed out without it."""
    name = "infobip_api_url"
    url = config.get(name)
    if isinstance(url, str) and "://" not in url:
        return {**config, name: f"https://{url}"}
    return dict(config)


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that environment variables, or a `.env` file here or above, name.

    A text that isn't of the setting's type stays a text, for the checks to name it.
    """
    load_dotenv(find_dotenv(usecwd=True))
    texts = {name: os.environ.get(f"{prefix}{name.upper()}", "") for name in schema["properties"]}
    return {name: _typed(text, schema["properties"][name]) for name, text in texts.items() if text}


def _typed(text: str, setting: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the setting's type
    types = setting.get("type", [])
    if "string" in types:
        return text
    if "boolean" in types:
        return {"yes": True, "on": True, "1": True, "true": True}.get(text.lower(), False)
    if "array" in types and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return json.loads(text)
    except ValueError:
        return text


def is_secret(schema: Mapping[str, Any]) -> bool:
    """Whether a setting's value must never be shown."""
    return bool(schema.get("secret"))


def secrets(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """The values that must never be shown."""
    return [
        str(config[name])
        for name, setting in schema["properties"].items()
        if is_secret(setting) and config.get(name)
    ]


def schema_problems(errors: Iterable[ValidationError], schema: Mapping[str, Any]) -> dict[str, str]:
    """A line for each setting that doesn't fit the schema, by the setting's name."""
    problems: dict[str, str] = {}
    for error in errors:
        if not error.path:
            problems.setdefault("", error.message.splitlines()[0])
            continue
        name = str(error.path[0])
        setting = schema["properties"][name]
        place = "".join(f"[{json.dumps(part)}]" for part in list(error.path)[1:])
        given = "a value that is not shown" if is_secret(setting) else _shown(error.instance)
        expected = _expected(cast("Mapping[str, Any]", error.schema))
        problems.setdefault(name, f"{name}{place}: got {given}, expected {expected}")
    return problems


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004


def _expected(schema: Mapping[str, Any]) -> str:
    types = schema.get("type", [])
    kind = next((name for name in _KINDS if name in types), "")
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    text = _KINDS.get(kind, "another value")
    if "pattern" in schema:
        return f"{text} such as {schema['examples'][0]}"
    if "minimum" in schema and "maximum" in schema:
        return f"{text} from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{text} of at least {schema['minimum']}"
    return text


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def further_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """A line for each setting that the schema allows and that can't be right all the same.

    Args:
        config: The settings, each of the right type, without blanks.
        schema: The settings' schema.
    """
    yield from _date_problems(config)
    yield from _vendor_problems(config)
    for name, setting in schema["properties"].items():
        if is_secret(setting) and not _fits_a_header(config.get(name, "")):
            yield (
                f"{name}: got a value that is not shown, expected printable ASCII without spaces "
                "at its ends; is a line break or a quote copied along?"
            )
    if not _fits_a_header(config.get("user_agent", "")):
        yield "user_agent: expected printable ASCII without spaces at its ends"
    encoding = config.get("batch_config", {}).get("encoding", {})
    if encoding.get("format", "jsonl") != "jsonl":
        yield f"batch_config: got the format {_shown(encoding['format'])}, expected jsonl"


def _vendor_problems(config: Mapping[str, Any]) -> Iterator[str]:
    known = vendors(config)
    if not any(vendor.is_configured(config) for vendor in known):
        needs = "; ".join(
            f"{vendor.name}: {', '.join((vendor.credential, *vendor.required))}" for vendor in known
        )
        yield f"no vendor is configured; set what one of them needs: {needs}"
    for vendor in known:
        yield from _problems_of(vendor, config)
    yield from _dfinery_problems(config)
    yield from _infobip_problems(config)


def _problems_of(vendor: Vendor, config: Mapping[str, Any]) -> Iterator[str]:
    if not vendor.is_configured(config):
        for name in vendor.required:
            if name in config:
                yield f"{vendor.credential}: not set, but {name} is; {vendor.name} needs both"
        return
    for name in vendor.required:
        if name not in config:
            yield f"{name}: not set, but {vendor.name} needs it beside {vendor.credential}"
    for name in vendor.urls:
        if name in config and (problem := url_problem(config[name])):
            yield f"{name}: {problem}"


def _dfinery_problems(config: Mapping[str, Any]) -> Iterator[str]:
    if "dfinery_api_token" not in config:
        return
    try:
        time_zone(config["dfinery_timezone"])
    except ValueError:
        yield (
            f"dfinery_timezone: got {_shown(config['dfinery_timezone'])}, expected an IANA name "
            "such as Asia/Seoul"
        )
    for name in ("dfinery_event_names", "dfinery_properties"):
        condition = config.get(f"{name}_condition_type", "all")
        if condition != "all" and not config[name]:
            yield f"{name}: got an empty list, expected names to {condition}"


def _infobip_problems(config: Mapping[str, Any]) -> Iterator[str]:
    is_reading_s3 = any(config.get(name) for name in (INFOBIP_API.credential, "infobip_s3_bucket"))
    if is_reading_s3 and find_spec("boto3") is None:
        yield (
            "reading S3 needs boto3, which is not installed: pip install 'tap-eventexport[s3]' "
            "(with Meltano, pip_url: tap-eventexport[s3])"
        )
    definitions = config["infobip_definition_ids"]
    if len(definitions) > MOST_DEFINITIONS or len(set(definitions)) < len(definitions):
        yield f"infobip_definition_ids: expected at most {MOST_DEFINITIONS} names, each once"
    keys = ("aws_access_key_id", "aws_secret_access_key")
    missing = [name for name in keys if name not in config]
    if len(missing) == 1:
        yield f"{missing[0]}: not set, but {' and '.join(keys)} belong together"
    if "aws_session_token" in config and missing:
        yield f"{missing[0]}: not set, but aws_session_token is, which belongs to it"
    if "aws_external_id" in config and "aws_role_arn" not in config:
        yield "aws_role_arn: not set, but aws_external_id is, which belongs to it"


def _date_problems(config: Mapping[str, Any]) -> Iterator[str]:
    dates = {}
    for name in ("start_date", "end_date"):
        try:
            dates[name] = parse_instant(config[name], since=EPOCH) if name in config else None
        except ValueError:
            yield (
                f"{name}: got {_shown(config[name])}, expected a date or date-time such as "
                "2026-03-01 or 2026-03-01T00:00:00+09:00"
            )
            dates[name] = None
    start, end = dates["start_date"], dates["end_date"]
    if start and end and start > end:
        yield (
            f"start_date: got {_shown(config['start_date'])}, expected a date before end_date, "
            f"which is {_shown(config['end_date'])}"
        )


def url_problem(url: str) -> str | None:
    """Why credentials can't be sent to an address; None if they can."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "expected an address such as https://host"
    if parts.username or parts.password:
        return "expected an address without a user name or password in it"
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        return f"got {_shown(url)}, expected an address such as https://host"
    if parts.scheme == "http" and not _is_loopback(host):
        return f"got {_shown(url)}, expected https: credentials don't travel in the clear"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
