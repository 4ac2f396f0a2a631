"""What is written about the settings is what the code says."""

from __future__ import annotations

import ast
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import generate
from tap_eventexport import checks, settings
from tap_eventexport.schema_errors import is_secret
from tap_eventexport.tap import STREAMS, TapEventExport
from tap_eventexport.vendors import VENDORS

ROOT = Path(__file__).parents[1]
ABOUT = generate.about()
SETTINGS = settings.SCHEMA["properties"]
OWN = [setting.name for block in settings.BLOCKS for setting in block]
README = (ROOT / "README.md").read_text()
SETTINGS_PAGE = (ROOT / "docs/settings.md").read_text()
LOADERS_PAGE = (ROOT / "docs/loaders.md").read_text()
TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text()
VENDOR_PAGES = {page: page.read_text() for page in sorted((ROOT / "docs/vendors").glob("*.md"))}


def meltano_settings() -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (tap,) = project["plugins"]["extractors"]
    return {setting["name"]: setting for setting in tap["settings"]}


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def table_rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables in a text, by the name in their first cell."""
    lines = text.splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in rows}


def messages() -> list[str]:
    """The messages of the table for troubleshooting."""
    cells = re.findall(r"^\| (`.*?`) \|", section(TROUBLESHOOTING, "Messages"), re.MULTILINE)
    return [message for cell in cells for message in re.findall(r"`(.+?)`", cell)]


def texts_of_the_code() -> list[str]:
    """Every text that the tap's source holds, with … for each value that is put into it."""
    files = [
        file for file in (ROOT / "tap_eventexport").rglob("*.py") if "sandbox" not in file.parts
    ]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return [text for node in nodes if (text := text_of(node))]


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def is_said(message: str, texts: list[str]) -> bool:
    """Whether a text has all of a message's fixed parts, in their order."""
    wanted = re.compile(".*".join(map(re.escape, message.strip("…:; ").split("…"))))
    return any(wanted.search(text) for text in texts)


def secrets_example() -> dict[str, str]:
    text = (ROOT / ".secrets.example").read_text()
    return dict(re.findall(r"^#?TAP_EVENTEXPORT_([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_the_same_settings_stand_everywhere() -> None:
    assert list(meltano_settings()) == list(ABOUT["settings"]["properties"])
    assert list(table_rows(SETTINGS_PAGE)) == OWN
    assert {name.lower() for name in secrets_example()} == set(OWN)


def test_each_vendor_has_a_section_with_its_settings() -> None:
    headings = re.findall(r"^## (.+)$", SETTINGS_PAGE, re.MULTILINE)
    assert headings == ["All vendors", *(vendor.name for vendor in VENDORS)]
    for vendor in VENDORS:
        words, _, table = section(SETTINGS_PAGE, vendor.name).partition("| setting |")
        usual, *_others = vendor.apis.values()
        for name in (usual.credential, *usual.required):
            assert f"`{name}`" in words
            assert name in table_rows(table)
    assert "with `infobip_mode: files` only `infobip_s3_bucket`." in SETTINGS_PAGE


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
    shown_kind, shown_default = table_rows(SETTINGS_PAGE)[name][:2]
    assert (shown_kind == "secret") == is_secret(SETTINGS[name])
    if "default" in SETTINGS[name]:
        assert shown_default.strip("`") == str(SETTINGS[name]["default"])


@pytest.mark.parametrize("file", generate.documents(), ids=lambda file: file.name)
def test_what_is_made_is_up_to_date(file: Path) -> None:
    assert file.read_text() == generate.documents()[file], "run bin/documents"


def test_a_description_in_the_table_has_its_names_as_code() -> None:
    written = {name: cells[2] for name, cells in table_rows(SETTINGS_PAGE).items()}
    assert "With `lookback_minutes` 0 nothing" in written["settle_minutes"]
    assert "such as `eu-central-1`." in written["infobip_s3_region"]
    assert 'such as `["pageView", "sms*"]`; empty' in written["infobip_definition_ids"]
    assert "`tap-eventexport/<version>` if" in written["user_agent"]
    assert "HappyTalk and Naver Cloud 60." in written["lookback_minutes"]
    plain = {name: text.replace("`", "") for name, text in written.items()}
    assert plain == {name: SETTINGS[name]["description"] for name in OWN}


def test_the_hub_knows_what_the_command_tells_of_itself() -> None:
    definition = yaml.safe_load(generate.HUB.read_text())
    assert definition["capabilities"] == ABOUT["capabilities"]
    assert definition["supported_python_versions"] == ABOUT["supported_python_versions"]
    described = {setting["name"]: setting for setting in definition["settings"]}
    assert described == meltano_settings()
    (tap,) = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["extractors"]
    needed = tap["settings_group_validation"]
    assert definition["settings_group_validation"] == needed
    assert ["infobip_s3_bucket"] in needed
    assert [needs for needs in needed if needs[0] == "ncp_access_key"] == [
        ["ncp_access_key", "ncp_secret_key"]
    ]


def test_the_definitions_for_the_hub_say_where_the_package_comes_from() -> None:
    """Meltano splits the address at blanks, and leaves out what selects streams."""
    for file in (generate.HUB, generate.HUB_LOADER):
        definition = yaml.safe_load(file.read_text())
        assert definition["executable"] == definition["name"] == file.stem
        assert not re.search(r"\s", definition["pip_url"])
        assert re.fullmatch(
            r"tap-eventexport\[[a-z0-9,]+\]@git\+\$\{EVENTEXPORT_REPOSITORY\}",
            definition["pip_url"],
        )
        assert f"--from-ref ../tap-eventexport/docs/hub/{file.name} {file.stem}\n" in README
    assert "echo 'EVENTEXPORT_REPOSITORY=" in README
    (selected,) = re.findall(r"config set tap-eventexport _metadata '(.+)'", README)
    assert json.loads(selected) == generate.selection()


def test_the_lookbacks_that_are_told_are_those_of_the_streams() -> None:
    described = SETTINGS["lookback_minutes"]["description"]
    told = {
        name: int(minutes)
        for names, minutes in re.findall(r"((?:[A-Z]\w+(?: and | )?)+)(\d+)", described)
        for name in names.strip().split(" and ")
    }
    declared = {
        stream.vendor: stream.lookback // timedelta(minutes=1)
        for stream in STREAMS
        if not stream.is_table
    }
    assert len(told) == 5
    assert told.items() <= declared.items()


def test_a_file_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no '<!-- settings: made"):
        generate.settings_page("# A text\n")


def test_the_messages_that_are_explained_are_in_the_code() -> None:
    texts = texts_of_the_code()
    assert len(messages()) >= 14
    assert [message for message in messages() if not is_said(message, texts)] == []
    assert not is_said("the moon is full: … is refused", texts)
    assert not is_said("… is refused; set the clock of …", texts)


def test_the_table_of_loaders_has_all_that_are_compared() -> None:
    script = (ROOT / "benchmarks/loaders.py").read_text()
    compared = re.findall(r'Loader\(\s*"(.+?)",', script)
    shown = re.findall(r"^\| (.+?) \| [\d,]+ \|", LOADERS_PAGE, re.MULTILINE)
    assert shown == ["*what was sent*", *compared], "run benchmarks/loaders --write"
    assert "`target-jsonl` 0.1.4" in compared


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len(README.splitlines()) < 250


def test_the_pictures_are_small_and_load_nothing() -> None:
    table, report = ROOT / "docs/live-table.svg", ROOT / "docs/report.png"
    drawn = table.read_text()
    assert len(drawn) < 60_000
    for picture in (report, ROOT / "docs/report-calendar.png"):
        assert 20_000 < picture.stat().st_size < 150_000
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert not re.search(r"font-face|url\((?!#)|href|<script|<image", drawn)
    assert all(f">{word}" in drawn for word in ("windows", "records/s"))
    assert sum(f">{name}" in drawn for name in table_rows(section(README, "Streams"))) >= 6
    for picture in (table, report):
        assert f"(docs/{picture.name})" in README


def test_each_line_to_fill_in_has_a_placeholder() -> None:
    """So that the tap knows a line that was left as it is."""
    text = (ROOT / ".secrets.example").read_text()
    to_fill_in = re.findall(r"^TAP_EVENTEXPORT_\w+=(.*)$", text, re.MULTILINE)
    assert len(to_fill_in) == len({name for group in generate.groups() for name in group})
    assert set(to_fill_in) <= checks.PLACEHOLDERS


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
    rows = table_rows(section(README, "Streams"))
    assert list(rows) == list(declared)
    for name, stream in declared.items():
        keys = [*stream["primary_keys"], stream["replication_key"]]
        assert rows[name][2:] == [f"`{key}`" if key else "full table" for key in keys]


def test_every_vendors_page_is_linked() -> None:
    assert VENDOR_PAGES
    assert [page for page in VENDOR_PAGES if f"(docs/vendors/{page.name})" not in README] == []
