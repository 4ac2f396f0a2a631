"""What is written about the settings is what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_eventexport import settings
from tap_eventexport.checks import is_secret
from tap_eventexport.tap import STREAMS, TapEventExport

ROOT = Path(__file__).parents[1]
SETTINGS = settings.SCHEMA["properties"]
OWN = [setting.name for block in settings.BLOCKS for setting in block]
OF_THE_SDK = [
    "stream_maps",
    "stream_map_config",
    "flattening_enabled",
    "flattening_max_depth",
    "batch_config",
]
README = (ROOT / "README.md").read_text()


def meltano_settings() -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (tap,) = project["plugins"]["extractors"]
    return {setting["name"]: setting for setting in tap["settings"]}


def readme_rows(heading: str) -> dict[str, list[str]]:
    """The rows of a table, by the name in their first cell."""
    part = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in rows}


def secrets_example() -> dict[str, str]:
    text = (ROOT / ".secrets.example").read_text()
    return dict(re.findall(r"^#?TAP_EVENTEXPORT_([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_the_same_settings_stand_everywhere() -> None:
    assert list(meltano_settings()) == OWN + OF_THE_SDK
    assert list(readme_rows("Settings")) == OWN
    assert {name.lower() for name in secrets_example()} == set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_kinds_and_defaults_agree(name: str) -> None:
    types = SETTINGS[name]["type"]
    described = meltano_settings()[name]
    kind = described["kind"]
    expected = "options" if "enum" in SETTINGS[name] else types[0]
    if SETTINGS[name].get("format") == "date-time":
        expected = "date_iso8601"
    assert kind == expected
    assert described.get("value") == SETTINGS[name].get("default")
    assert bool(described.get("sensitive")) == is_secret(SETTINGS[name])
    shown_kind, shown_default = readme_rows("Settings")[name][:2]
    assert (shown_kind == "secret") == is_secret(SETTINGS[name])
    if "default" in SETTINGS[name]:
        assert shown_default.strip("`") == str(SETTINGS[name]["default"])


def test_no_example_value_looks_real() -> None:
    for name, value in secrets_example().items():
        if is_secret(SETTINGS[name.lower()]):
            assert value.startswith("your-")


def test_capabilities_in_meltano_are_those_of_the_tap() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (tap,) = project["plugins"]["extractors"]
    assert tap["capabilities"] == [str(item.value) for item in TapEventExport.capabilities]


def test_every_stream_is_in_the_readme() -> None:
    names = ("name", "primary_keys", "replication_key", "vendor")
    made = [{name: getattr(stream, name) for name in names} for stream in STREAMS]
    declared = {stream["name"]: stream for stream in made}
    rows = readme_rows("Streams")
    assert list(rows) == list(declared)
    for name, stream in declared.items():
        keys = [*stream["primary_keys"], stream["replication_key"]]
        assert rows[name][1:] == [f"`{key}`" for key in keys]
        assert f"### {stream['vendor']}" in README
