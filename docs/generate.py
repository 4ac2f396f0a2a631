"""Writes what the code says of vendors into the documents, and into files that are examples.

Settings stand in docs/settings.md, meltano.yml, .secrets.example and the Hub's definition; streams
in README.md and the dbt package. The texts are those of the vendors' own files, so that they are
written in one place.
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
from rich.console import Console
from rich.text import Text

from docs import dbt_package, dbt_page
from tap_eventexport import settings
from tap_eventexport.schema_errors import is_secret
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors import VENDORS
from target_eventexport import settings as target
from target_eventexport.target import TargetEventExport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import typing as th
    from singer_sdk.plugin_base import PluginBase

    from tap_eventexport.vendor import Api, Vendor

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SETTINGS = ROOT / "docs/settings.md"
TARGET = ROOT / "docs/target-eventexport.md"
SECRETS = ROOT / ".secrets.example"
ABOUT = ROOT / "tests/snapshots/about.json"
MELTANO = ROOT / "meltano.yml"
HUB = ROOT / "docs/hub/tap-eventexport.yml"
DBT = ROOT / "dbt"
DBT_PAGE = ROOT / "docs/dbt.md"
HUB_LOADER = ROOT / "docs/hub/target-eventexport.yml"

TABLES = ("<!-- settings: made by bin/documents -->\n", "<!-- /settings -->\n")
LIST = ("        # settings: made by bin/documents\n", "        # /settings\n")
SELECTION = ("        # selection: made by bin/documents\n", "        # /selection\n")
GROUPS = ("        # groups: made by bin/documents\n", "        # /groups\n")
EXAMPLES = ("# vendors: made by bin/documents\n", "# /vendors\n")
LOADER = ("<!-- loader: made by bin/documents -->\n", "<!-- /loader -->\n")
LOADERS_LIST = ("        # loader: made by bin/documents\n", "        # /loader\n")
STREAMS = ("<!-- streams: made by bin/documents -->\n", "<!-- /streams -->\n")
MARTS = ("<!-- marts: made by bin/documents -->\n", "<!-- /marts -->\n")
LINEAGE = ("<!-- lineage: made by bin/documents -->\n", "<!-- /lineage -->\n")
VERSIONS = {"version", "sdk_version", "supported_python_versions"}
HUB_HEAD = """\
# Made by bin/documents from what --about says, for `meltano add --from-ref` (docs/install.md).
# For the Hub, pip_url and repo have the repository's address, and variant is its owner.
"""
# Meltano puts in the variable's value, and then splits at blanks.
SOURCE = "tap-eventexport[{extras}]@git+${{EVENTEXPORT_REPOSITORY}}"

# JSON, or all between two blanks but punctuation that ends it.
WORD = re.compile(r"""[\[{].*?[\]}]|\S+?(?=[.,;:]*(?:\s|$))""")
NAME = re.compile(r"""^[\[{] | [_/*<] | \w[.:]\w | ^[a-z]+[A-Z]""", re.VERBOSE)

HEAD = "| setting | kind | default | meaning |\n|---|---|---|---|\n"

Definition = dict[str, Any]


def about(plugin: type[PluginBase] = TapEventExport) -> Definition:
    """What a command's `--about --format=json` prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        plugin.print_about("json")
    told: Definition = json.loads(printed.getvalue())
    return told


def settings_sections() -> str:
    """The tap's own settings in Markdown: a section and a table for each block."""
    general = "## All vendors\n\n" + _table(settings.GENERAL)
    return "\n".join([general, *(_head(vendor) + _table(vendor.settings) for vendor in VENDORS)])


def _head(vendor: Vendor) -> str:
    usual, *others = vendor.apis.items()
    words = [f"Required: {_needed(usual[1])}"]
    words += [f"with `{vendor.mode}: {mode}` only {_needed(api)}" for mode, api in others]
    page = _page(vendor)
    link = f"[How its API behaves]({page.removeprefix('docs/')}). " if page else ""
    return f"## {vendor.name}\n\n{link}{'; '.join(words)}.\n\n"


def _page(vendor: Vendor) -> str:
    """The page about a vendor; empty if there is none."""
    page = f"docs/vendors/{vendor.name.lower().replace(' ', '-')}.md"
    return page if (ROOT / page).exists() else ""


def _needed(api: Api) -> str:
    """The settings that a vendor needs, in words."""
    *others, last = map(_code, (api.credential, *api.required))
    return f"{', '.join(others)} and {last}" if others else last


def _table(block: Iterable[th.Property[Any]]) -> str:
    properties = settings.SCHEMA["properties"]
    return HEAD + "".join(_row(each.name, properties[each.name]) for each in block)


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
    if described["kind"] == "number":
        described["kind"] = "decimal"
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


def target_page(text: str) -> str:
    """docs/target-eventexport.md with the loader's settings as they must be."""
    rows = (_row(name, setting) for name, setting in target.SCHEMA["properties"].items())
    return _between(text, LOADER, HEAD + "".join(rows))


def readme(text: str) -> str:
    """README.md with the table of streams as it must be."""
    return _between(text, STREAMS, streams_table())


def streams_table() -> str:
    """The streams in Markdown, one row for each name."""
    head = "| stream | of | one record is | primary key | replication key |\n"
    rows = {stream.name: _stream_row(vendor, stream) for vendor, stream in _streams()}
    return head + "|---|---|---|---|---|\n" + "".join(rows.values())


def _streams() -> Iterator[tuple[Vendor, Any]]:
    for vendor in VENDORS:
        for api in vendor.apis.values():
            for stream in api.streams:
                yield vendor, stream


def _stream_row(vendor: Vendor, stream: Any) -> str:  # noqa: ANN401 - a class, of which mypy knows objects
    page = _page(vendor)
    owner = f"[{vendor.name}]({page})" if page else vendor.name
    keys = [*map(_code, stream.primary_keys), _code(stream.replication_key or "") or "full table"]
    return f"| {' | '.join([_code(stream.name), owner, stream.record, *keys])} |\n"


def secrets_example(text: str) -> str:
    """.secrets.example with the vendors' settings as they must be."""
    return _between(text, EXAMPLES, "\n".join(map(_example, VENDORS)))


def _example(vendor: Vendor) -> str:
    needed = {name for api in vendor.apis.values() for name in (api.credential, *api.required)}
    guides = filter(None, (f"{vendor.name}: {vendor.guide}", vendor.guide_in_korean))
    lines = [f"# {line}" for guide in guides for line in _wrapped(guide, 98)]
    for setting in vendor.settings:
        mark = "" if setting.name in needed else "#"
        value = vendor.examples[setting.name]
        lines.append(f"{mark}TAP_EVENTEXPORT_{setting.name.upper()}={value}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text in a terminal, where a letter of Korean takes two columns."""
    return [line.plain.rstrip() for line in Text(text).wrap(Console(), columns)]


def groups() -> list[list[str]]:
    """The sets of settings of which one must be there."""
    return [[api.credential, *api.required] for vendor in VENDORS for api in vendor.apis.values()]


def selection() -> Definition:
    """The streams that aren't read unless the user says so."""
    return {
        stream.name: {"selected": False}
        for _, stream in _streams()
        if not stream.selected_by_default
    }


def meltano(text: str, told: Mapping[str, Any]) -> str:
    """meltano.yml with the settings of the extractor and the loader as they must be.

    Args:
        text: The file.
        told: What `--about` prints.
    """
    lines = "".join(f"        - [{', '.join(group)}]\n" for group in groups())
    text = _between(text, GROUPS, lines)
    own = textwrap.indent(_yaml(settings_list(target.SCHEMA)), " " * 8)
    text = _between(text, LOADERS_LIST, own)
    text = _between(text, SELECTION, textwrap.indent(_yaml(selection()), " " * 8))
    return _between(text, LIST, textwrap.indent(_yaml(settings_list(told["settings"])), " " * 8))


def hub_definition(told: Mapping[str, Any]) -> Definition:
    """The definition of the tap for Meltano Hub.

    Args:
        told: What `--about` prints.
    """
    return {
        **_head_of_definition(told, "s3"),
        "metadata": selection(),
        "settings_group_validation": groups(),
        "settings": settings_list(told["settings"]),
    }


def hub_definition_of_loader(told: Mapping[str, Any]) -> Definition:
    """The definition of the loader for Meltano Hub.

    Args:
        told: What the loader's `--about` prints.
    """
    return {
        **_head_of_definition(told, "duckdb,parquet,postgres"),
        "settings_group_validation": [target.SCHEMA["required"]],
        "settings": settings_list(target.SCHEMA),
    }


def _head_of_definition(told: Mapping[str, Any], extras: str) -> Definition:
    name = told["name"]
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": "original",
        "label": "Event Export",
        "description": told["description"],
        "pip_url": SOURCE.format(extras=extras),
        "executable": name,
        "capabilities": told["capabilities"],
        "keywords": ["meltano_sdk"],
        "maintenance_status": "active",
        "quality": "unknown",
        "supported_python_versions": told["supported_python_versions"],
    }


def hub(definition: Definition) -> str:
    """A file of the Hub."""
    return HUB_HEAD + _yaml(definition)


def snapshot(told: Mapping[str, Any]) -> str:
    """What `--about` prints but for versions, so that a change of it is seen in a review."""
    kept = {key: value for key, value in told.items() if key not in VERSIONS}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


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


def dbt() -> dict[Path, str]:
    """The files of the dbt package that say what the streams are."""
    streams = {stream.name: stream for _, stream in _streams()}.values()
    described = {
        "sources.yml": dbt_package.sources(streams),
        **dbt_package.described_models(streams),
    }
    texts = {name: dbt_package.HEAD + _yaml(value) for name, value in described.items()}
    staging = {**texts, **dbt_package.models(streams)}
    return {
        DBT / "macros/streams.sql": dbt_package.streams_macro(streams),
        **{DBT / "models/staging" / name: text for name, text in staging.items()},
    }


def page_of_dbt(text: str) -> str:
    """docs/dbt.md with the marts and their lineage as they must be."""
    text = _between(text, MARTS, dbt_page.marts(DBT))
    return _between(text, LINEAGE, dbt_page.lineage(DBT))


def documents() -> dict[Path, str]:
    """Each file with what it must hold."""
    told = about()
    return {
        README: readme(README.read_text()),
        SETTINGS: settings_page(SETTINGS.read_text()),
        TARGET: target_page(TARGET.read_text()),
        SECRETS: secrets_example(SECRETS.read_text()),
        MELTANO: meltano(MELTANO.read_text(), told),
        HUB: hub(hub_definition(told)),
        HUB_LOADER: hub(hub_definition_of_loader(about(TargetEventExport))),
        ABOUT: snapshot(told),
        DBT_PAGE: page_of_dbt(DBT_PAGE.read_text()),
        **dbt(),
    }


def main() -> None:
    """Write the files; first those of the dbt package, which docs/dbt.md tells of."""
    for made in (dbt, documents):
        for file, text in made().items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)


if __name__ == "__main__":
    main()
