"""Makes what the documents say of the settings: README's table, meltano.yml's list, and the Hub's.

The texts are the descriptions of the tap's own schema, so that they stand in one place.
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
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MELTANO = ROOT / "meltano.yml"
HUB = ROOT / "docs/hub/tap-eventexport.yml"

TABLE = ("<!-- settings -->\n", "<!-- /settings -->\n")
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


def settings_table() -> str:
    """The tap's own settings as a Markdown table."""
    names = [setting.name for block in settings.BLOCKS for setting in block]
    head = "| setting | kind | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(_row(name, settings.SCHEMA["properties"][name]) for name in names)


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


def readme(text: str) -> str:
    """README with the table of settings as it must be."""
    return _between(text, TABLE, settings_table())


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
    return {README: readme(README.read_text()), MELTANO: project, HUB: hub(told, project)}


def main() -> None:
    """Write the files."""
    for file, text in documents().items():
        file.write_text(text)


if __name__ == "__main__":
    main()
