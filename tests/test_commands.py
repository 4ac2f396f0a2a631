"""Every command in the documents is run: here, or where a table says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from docs.korean import PAGES as KOREAN
from tests import new_user
from tests.conftest import END, START
from tests.documents import Block, blocks
from tests.meltano import ROOT

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md" and path not in KOREAN  # which has the English pages' commands
)
HERE = (
    "install -m 600 .secrets.example .env",
    ".venv/bin/tap-eventexport --config=ENV",
    "tail -n 1 states.jsonl",
    ".venv/bin/python -c",
)
NEW_USER = "tests/new_user.py"  # types all of them, as they stand
ENGINES = "tests/engines.py"  # as they stand, too
ELSEWHERE = {
    "git clone": [NEW_USER],
    "bin/demo": [NEW_USER, "tests/test_end_to_end.py"],
    ".venv/bin/tap-eventexport-report": [NEW_USER, "tests/report/test_command.py"],
    "python3 -m venv": [NEW_USER],
    ".venv/bin/pip install": [NEW_USER],
    ".venv-own/bin/": [NEW_USER],
    "pipx install": [NEW_USER],
    "tap-eventexport --version": [NEW_USER],
    "uvx": [NEW_USER],
    "cat ../tap-eventexport/.secrets.example": [NEW_USER],
    "echo 'EVENTEXPORT_REPOSITORY=": [NEW_USER],
    "meltano config set": [NEW_USER],
    "mkdir -p output": [NEW_USER],
    "meltano install": [NEW_USER],
    "meltano run tap-eventexport target-eventexport": [NEW_USER],
    "meltano run tap-eventexport target-jsonl": [NEW_USER, "tests/test_end_to_end.py"],
    "meltano run tap-eventexport target-postgres": [NEW_USER, "tests/test_warehouses.py"],
    "meltano run tap-eventexport--second target-jsonl": [NEW_USER, "tests/test_recipes.py"],
    "meltano el": [NEW_USER, "tests/test_recipes.py"],
    "meltano add": [NEW_USER, "tests/test_recipes.py"],
    "meltano select": [NEW_USER],
    "meltano state list": [NEW_USER],
    "meltano state get": [NEW_USER, "tests/test_recipes.py"],
    "meltano state clear": [NEW_USER, "tests/test_recipes.py"],
    "meltano run --state-id-suffix=postgres tap-eventexport target-eventexport": [
        NEW_USER,
        "tests/dbt/test_meltano.py",
    ],
    "meltano invoke dbt:build": [NEW_USER],
    "meltano invoke dbt show": [NEW_USER],
    "meltano invoke dbt build": [NEW_USER, "tests/dbt/test_package.py"],
    "tap-eventexport-backfill plan": ["tests/backfill/test_command.py"],
    "tap-eventexport-backfill run": ["tests/backfill/test_cluster.py"],
    "tap-eventexport-audit": ["tests/audit/test_postgres.py"],
    "tap-eventexport-report": ["tests/report/test_command.py"],
    "docker build": ["tests/image.py"],
    "docker run": ["tests/image.py"],
    "docker compose": ["tests/test_docker.py", ".github/workflows/test.yml"],
    "kubectl": ["tests/test_docker.py"],
    "dask scheduler": ["tests/backfill/test_command.py"],
    "dask worker": ["tests/backfill/test_command.py"],
    "airflow dags": [ENGINES],
    "airflow backfill create": [ENGINES, "tests/test_engines.py"],
    "dagster instance concurrency set": [ENGINES],
    "dagster job backfill": [ENGINES, "tests/test_engines.py"],
}
VARIABLES = re.compile(r"^([A-Z_]+=\S+ +|cd \S+ && )*")


def plain(command: str) -> str:
    """A command without the variables and the change of folder before it."""
    return VARIABLES.sub("", command)


def commands(document: Path) -> list[str]:
    return [plain(command) for block in blocks(document) for command in block.commands()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_is_run_somewhere(document: Path) -> None:
    for command in commands(document):
        assert command.startswith((*HERE, *ELSEWHERE)), f"no test runs: {command}"
        places = [ELSEWHERE[start] for start in ELSEWHERE if command.startswith(start)]
        if any(NEW_USER in each for each in places):
            assert str(document.relative_to(ROOT)) in new_user.DOCUMENTS


def test_no_place_is_named_for_a_command_that_is_gone() -> None:
    known = [command for document in DOCUMENTS for command in commands(document)]
    for beginning in (*HERE, *ELSEWHERE):
        assert any(command.startswith(beginning) for command in known), beginning
    for places in ELSEWHERE.values():
        assert all((ROOT / place).is_file() for place in places)


@pytest.mark.parametrize("document", new_user.DOCUMENTS)
def test_the_new_user_knows_what_to_do_with_each_block(document: str) -> None:
    for block in blocks(ROOT / document):
        is_done = bool(block.commands()) or new_user.HIDES in block.text
        assert is_done or block.text.startswith(tuple(new_user.ONLY_READ)), block.text


def test_a_block_is_taken_apart() -> None:
    block = Block("sh", "# first\nmake it \\\n    so   # or not\n\nA=1 cd x && do 'a#b'\n")
    assert block.commands() == ["make it so", "A=1 cd x && do 'a#b'"]
    assert plain("A=1 B_C=2 cd x && do it") == "do it"
    assert Block("crontab", "17 * * * *  cd x && do it\n").commands() == ["cd x && do it"]
    assert Block("json", "{}\n").commands() == []


def test_the_plain_pipe_as_the_readme_has_it(
    tmp_path: Path, settings: dict[str, Any], croct: Croct
) -> None:
    """From the file of settings on: proven, loaded, and loaded again from the state."""
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / ".secrets.example").symlink_to(ROOT / ".secrets.example")
    own = {f"TAP_EVENTEXPORT_{name.upper()}": str(value) for name, value in settings.items()}

    def ids() -> list[str]:
        with duckdb.connect(str(tmp_path / "output/events.duckdb"), read_only=True) as database:
            return [key for (key,) in database.execute("select id from croct_events").fetchall()]

    def type_in(command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
            cwd=tmp_path,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    copy, test, first, tail, second, look = (
        command for command in commands(ROOT / "README.md") if command.startswith(HERE)
    )
    type_in(copy)
    lines = (tmp_path / ".env").read_text().splitlines()
    kept = [line for line in lines if "_CROCT_" in line or not line.startswith("TAP_")]
    (tmp_path / ".env").write_text("\n".join(kept))
    assert "Croct: connection OK" in type_in(test)

    type_in(first)
    assert Counter(ids()) == Counter(croct.truth("croct_events", START, END))
    type_in(tail)
    assert "bookmarks" in json.loads((tmp_path / "state.json").read_text())
    said = type_in(second)
    assert Counter(ids()) == Counter(croct.truth("croct_events", START, END))
    assert "unchanged and not sent" in said  # the lookback
    assert "0 records" in said
    assert "5 rows" in type_in(look)
