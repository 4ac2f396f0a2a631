"""The recipes, as they are written down."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from tests.conftest import END, START
from tests.meltano import ROOT, Project

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.croct import Croct

RECIPES = (ROOT / "docs/recipes.md").read_text()
STATE = "dev:tap-eventexport-to-target-jsonl"
DAY = timedelta(days=1)


def ids(project: Project) -> Counter[str]:
    """What the loader has written since it was asked last."""
    file = project.output / "croct_events.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    for written in project.output.iterdir():
        written.unlink()
    return Counter(json.loads(line)["id"] for line in lines)


def state(project: Project, name: str = STATE) -> str:
    found = json.loads(project.run("state", "get", name))["singer_state"]
    bookmark: str = found["bookmarks"]["croct_events"]["replication_key_value"]
    return bookmark


def test_state_backfill_hidden_columns_and_a_second_account(
    tmp_path: Path, settings: dict[str, Any], all_settings: dict[str, Any], croct: Croct
) -> None:
    def truth(start: Any, end: Any) -> Counter[str]:
        return Counter(croct.truth("croct_events", start, end))

    second = ("add", "tap-eventexport--second", "--inherit-from", "tap-eventexport")
    for command in ("state get", "state clear --force", "el tap-eventexport", " ".join(second)):
        assert f"meltano {command}" in RECIPES
    project = Project(tmp_path / "project")
    settings = {**settings, "lookback_minutes": 0}

    project.run("run", "tap-eventexport", "target-jsonl", **settings)
    assert ids(project) == truth(START, END)
    assert state(project) == "2026-03-04T00:00:00.000Z"

    earlier = {"start_date": (START - DAY).isoformat(), "end_date": START.isoformat()}
    backfill = ("el", "tap-eventexport", "target-jsonl", "--state-id=backfill")
    project.run(*backfill, **{**settings, **earlier})
    assert ids(project) == truth(START - DAY, START)
    assert state(project) == "2026-03-04T00:00:00.000Z"
    assert state(project, "backfill") == "2026-03-01T00:00:00.000Z"

    project.run("run", "tap-eventexport", "target-jsonl", **settings)
    assert not ids(project)
    project.run("state", "clear", "--force", STATE)
    project.run("run", "tap-eventexport", "target-jsonl", **settings)
    assert ids(project) == truth(START, END)

    maps = json.dumps({"croct_events": {"userId": None}})
    hidden = {**settings, "stream_maps": maps}
    project.run("el", "tap-eventexport", "target-jsonl", "--state-id=hidden", **hidden)
    assert "userId" not in (project.output / "croct_events.jsonl").read_text()
    assert ids(project) == truth(START, END)

    project.run(*second)
    project.run("select", "tap-eventexport--second", "croct_events", "*")
    own = {f"_second_{name}": value for name, value in settings.items()}
    project.run("run", "tap-eventexport--second", "target-jsonl", **{**all_settings, **own})
    assert ids(project) == truth(START, END)
    assert not list(project.output.iterdir())


def test_personal_data_is_read_if_meltano_yml_says_so(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    project = Project(tmp_path / "project")
    file, users = project.folder / "meltano.yml", project.output / "croct_users.jsonl"
    written, wanted = (
        "        croct_users:\n          selected: " + word for word in ("false", "true")
    )
    assert wanted in RECIPES
    assert written in file.read_text()
    project.run("run", "tap-eventexport", "target-jsonl", **settings)
    assert not users.exists()
    file.write_text(file.read_text().replace(written, wanted))
    project.run("run", "tap-eventexport", "target-jsonl", **settings)
    assert json.loads(users.read_text().splitlines()[0])["userId"]


def test_the_newest_row_of_each_key_of_a_table_that_only_grows() -> None:
    (recipe,) = re.findall(r"^```sql\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    with duckdb.connect() as connection:
        connection.execute(
            "create table croct_events as "
            "select * from (values ('a', 1, 'old'), ('a', 3, 'new'), ('b', 2, 'only'), "
            "('a', 2, 'older')) as rows (id, _sdc_sequence, payload)"
        )
        connection.execute(recipe)
        found = connection.execute("select id, payload from croct_events_once order by id")
        assert found.fetchall() == [("a", "new"), ("b", "only")]
