"""What each command says of itself is what it was; a reviewer sees it in `snapshots/help`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tap_eventexport import settings
from tap_eventexport.help import OPTIONS
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors import VENDORS
from target_eventexport import help as loaders
from target_eventexport.target import TargetEventExport

PROGRAMS = Path(sys.executable).parent
SNAPSHOTS = Path(__file__).with_name("snapshots") / "help"
COMMANDS = [
    "tap-eventexport --help",
    *("target-eventexport --help", "target-eventexport --about"),
    "tap-eventexport-audit --help",
    "tap-eventexport-backfill --help",
    "tap-eventexport-backfill plan --help",
    "tap-eventexport-backfill run --help",
    "tap-eventexport-report --help",
    "tap-eventexport-sandbox --help",
]
VERSIONS = re.compile(r"^(\S+) [\d.]+, singer-sdk [\d.]+\n\n|^Python: .*\n", re.MULTILINE)


def said(command: str, folder: Path, **environment: str) -> str:
    """What a command prints at a terminal of 80 columns, without versions."""
    name, *arguments = command.split()
    done = subprocess.run(
        [PROGRAMS / name, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return VERSIONS.sub("", done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_what_it_was(command: str, tmp_path: Path) -> None:
    """Delete a file to make it anew."""
    found = said(command, tmp_path)
    path = SNAPSHOTS / f"{re.sub(r'[ -]+', '-', command)}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert path.read_text() == found
    name, *rest = command.split()
    if rest == ["--help"]:
        assert f"  {name} " in found.lower().partition("examples:")[2]
    assert all(len(line) <= 80 or " " not in line.strip() for line in found.splitlines())


def test_every_command_has_its_help_here() -> None:
    declared = {path.name for path in PROGRAMS.glob("*-eventexport*")}
    assert declared == {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize(
    ("plugin", "texts"), [(TapEventExport, OPTIONS), (TargetEventExport, loaders.OPTIONS)]
)
def test_no_option_has_the_words_of_the_sdk(
    plugin: type[TapEventExport | TargetEventExport], texts: dict[str, str]
) -> None:
    options = {option.name for option in plugin.get_singer_command().params}
    assert options == texts.keys()


def test_about_tells_each_setting_with_its_meaning_and_default(tmp_path: Path) -> None:
    shown = said("tap-eventexport --about", tmp_path)
    headings = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert headings == ["All vendors", *(each.name for each in VENDORS), "Of every tap of the SDK"]
    words = " ".join(shown.split())
    for block in settings.BLOCKS:
        for setting in block:
            assert f" {setting.name} {setting.description} [" in words
    assert "be lower. [a whole number from 1 to 64; default: 4]" in words
    assert "the permission data_export. [secret]" in words


@pytest.mark.parametrize("command", ["tap-eventexport --about", "target-eventexport --about"])
def test_about_shows_no_setting_of_the_environment(command: str, tmp_path: Path) -> None:
    """Neither a secret, nor which settings are there."""
    names = ("TAP_EVENTEXPORT_CROCT_API_KEY", "TARGET_EVENTEXPORT_DESTINATION")
    shown = said(command, tmp_path, **dict.fromkeys(names, "s3cret-value"), LOGLEVEL="DEBUG")
    assert shown == said(command, tmp_path)
