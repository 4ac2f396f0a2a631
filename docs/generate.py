"""Writes the settings into docs/settings.md, meltano.yml and the Hub's definition.

The texts are the descriptions of the tap's own schema, so that they are written in one place.
"""

from __future__ import annotations

import io
import json
import re
import textwrap
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tap_eventexport import settings
from tap_eventexport.settings import is_secret
from tap_eventexport.tap import TapEventExport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk import typing as th

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs/settings.md"
MELTANO = ROOT / "meltano.yml"
HUB = ROOT / "docs/hub/tap-eventexport.yml"

TABLES = ("<!-- settings: made by bin/documents -->\n", "<!-- /settings -->\n")
LIST = ("        # settings: made by bin/documents\n", "        # /settings\n")
HUB_HEAD = """\
# Made by bin/documents from `tap-eventexport --about --format=json`. For the Hub, variant becomes
# the owner of the repository, and repo its address.
"""

# JSON, or all between two blanks but punctuation that ends it.
WORD = re.compile(r"""[\[{].*?[\]}]|\S+?(?=[.,;:]*(?:\s|$))""")
NAME = re.compile(r"""^[\[{] | [_/*<] | \w[.:]\w | ^[a-z]+[A-Z]""", re.VERBOSE)

Definition = dict[str, Any]


def about() -> Definition:
    """What `tap-eventexport --about --format=json` prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        TapEventExport.print_about("json")
    told: Definition = json.loads(printed.getvalue())
    return told


def settings_sections() -> str:
    """The tap's own settings in Markdown: a section and a table for each block."""
    return "\n".join(map(_section, settings.BLOCKS))


def _section(block: Iterable[th.Property[Any]]) -> str:
    names = [setting.name for setting in block]
    head = "## All vendors\n\n"
    if owner := _owner(names, "export"):
        page = f"vendors/{owner.name.lower().replace(' ', '-')}.md"
        head = f"## {owner.name}\n\n[How its API behaves]({page}). Required: {_needed(owner)}"
        other = _owner(names, "files")
        if other and other != owner:
            head += f"; with `infobip_mode: files` only {_needed(other)}"
        head += ".\n\n"
    head += "| setting | kind | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(_row(name, settings.SCHEMA["properties"][name]) for name in names)


def _owner(names: list[str], mode: str) -> settings.Vendor | None:
    """The vendor whose credential is one of these settings, in a mode of Infobip's."""
    vendors = settings.vendors({"infobip_mode": mode})
    return next((vendor for vendor in vendors if vendor.credential in names), None)


def _needed(vendor: settings.Vendor) -> str:
    """The settings that a vendor needs, in words."""
    *others, last = map(_code, (vendor.credential, *vendor.required))
    return f"{', '.join(others)} and {last}" if others else last


def _row(name: str, setting: Mapping[str, Any]) -> str:
    default = setting.get("default", "")
    shown = default if isinstance(default, int) else _code(default)
    return f"| `{name}` | {_shown_kind(setting)} | {shown} | {_meaning(setting)} |\n"


def _shown_kind(setting: Mapping[str, Any]) -> str:
    if is_secret(setting):
        return "secret"
    if "enum" in setting:
        return ", ".join(map(_code, setting["enum"]))
    return str(setting.get("format", setting["type"][0]))


def _meaning(setting: Mapping[str, Any]) -> str:
    """The description, in which all that is no word of English is set as code."""
    values = setting.get("additionalProperties") or setting
    literal = {*values.get("enum", ()), *values.get("examples", ())}

    def marked(word: re.Match[str]) -> str:
        text = word[0]
        return _code(text) if text in literal or NAME.search(text) else text

    return WORD.sub(marked, setting["description"])


def _code(value: object) -> str:
    return f"`{value}`" if value != "" else ""


def settings_list(schema: Mapping[str, Any]) -> list[Definition]:
    """Settings as Meltano describes them.

    Args:
        schema: The settings' JSON schema.
    """
    return [_described(name, setting) for name, setting in schema["properties"].items()]


def _described(name: str, setting: Mapping[str, Any]) -> Definition:
    described: Definition = {"name": name, "label": setting["title"], "kind": setting["type"][0]}
    if is_secret(setting):
        described["sensitive"] = True
    if setting.get("format") == "date-time":
        described["kind"] = "date_iso8601"
    if "enum" in setting:
        described["kind"] = "options"
        described["options"] = [
            {"label": value.capitalize(), "value": value} for value in setting["enum"]
        ]
    if "default" in setting:
        described["value"] = setting["default"]
    return {**described, "description": setting["description"]}


def settings_page(text: str) -> str:
    """docs/settings.md with the tables of settings as they must be."""
    return _between(text, TABLES, settings_sections())


def meltano(text: str, told: Mapping[str, Any]) -> str:
    """meltano.yml with the extractor's list of settings as it must be.

    Args:
        text: The file.
        told: What `--about` prints.
    """
    return _between(text, LIST, textwrap.indent(_yaml(settings_list(told["settings"])), " " * 8))


def hub_definition(told: Mapping[str, Any], groups: list[list[str]]) -> Definition:
    """The definition of the tap for Meltano Hub.

    Args:
        told: What `--about` prints.
        groups: The sets of settings of which one must be there.
    """
    name = told["name"]
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": "original",
        "label": "Event Export",
        "description": told["description"],
        "pip_url": f"{name}[s3]",
        "executable": name,
        "capabilities": told["capabilities"],
        "keywords": ["meltano_sdk"],
        "maintenance_status": "active",
        "quality": "unknown",
        "supported_python_versions": told["supported_python_versions"],
        "settings_group_validation": groups,
        "settings": settings_list(told["settings"]),
    }


def hub(told: Mapping[str, Any], project: str) -> str:
    """The Hub's file.

    Args:
        told: What `--about` prints.
        project: meltano.yml.
    """
    (tap,) = yaml.safe_load(project)["plugins"]["extractors"]
    return HUB_HEAD + _yaml(hub_definition(told, tap["settings_group_validation"]))


def _between(text: str, marks: tuple[str, str], made: str) -> str:
    before, first, rest = text.partition(marks[0])
    _, last, after = rest.partition(marks[1])
    if not last:
        raise ValueError(f"no {marks[0].strip()!r} with {marks[1].strip()!r} behind it")
    return before + first + made + last + after


class _Dumper(yaml.SafeDumper):
    """Indents lists, as meltano.yml does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _yaml(value: object) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=90)
    return text


def documents() -> dict[Path, str]:
    """Each file with what it must hold."""
    told = about()
    project = meltano(MELTANO.read_text(), told)
    page = settings_page(SETTINGS.read_text())
    return {SETTINGS: page, MELTANO: project, HUB: hub(told, project)}


def main() -> None:
    """Write the files."""
    for file, text in documents().items():
        file.write_text(text)


if __name__ == "__main__":
    main()
