"""The examples for Airflow and Dagster: a run is a day of Seoul, with a STATE of its own.

Where `bin/engines` has made the engine's environment, the engine itself is asked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.documents import blocks
from tests.engines import DOCUMENTS, ENGINES, JOB
from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BACKFILL = ROOT / "examples/airflow/backfill.py"
HOURLY = ROOT / "examples/schedule/airflow_dag.py"
DEFINITIONS = ROOT / "examples/dagster/definitions.py"
EXAMPLES = {"airflow": BACKFILL, "dagster": DEFINITIONS}
LIMIT = 2
SPRING = [  # the days that are asked for; in UTC they begin at 15:00
    ["backfill-2026-03-01", "2026-02-28T15:00:00+00:00", "2026-03-01T15:00:00+00:00"],
    ["backfill-2026-03-02", "2026-03-01T15:00:00+00:00", "2026-03-02T15:00:00+00:00"],
]

AIRFLOW_DAYS = """
import json, sys
from datetime import UTC, datetime
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
dag = bag.dags["events_backfill"]
(task,) = dag.tasks
stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
span = [datetime.fromisoformat(f"2026-03-0{day}T00:00:00+09:00") for day in (1, 2)]
days = []
for info in stored.iter_dagrun_infos_between(*span):
    start, end = info.data_interval.start, info.data_interval.end
    context = {"data_interval_start": start, "data_interval_end": end}
    command = task.render_template(task.bash_command, context)
    bounds = [
        task.render_template(task.env[f"TAP_EVENTEXPORT_{name}_DATE"], context)
        for name in ("START", "END")
    ]
    instants = [datetime.fromisoformat(bound).astimezone(UTC).isoformat() for bound in bounds]
    days.append([command.partition("--state-id=")[2], *instants])
print(json.dumps({"days": days, "limit": task.max_active_tis_per_dag}))
"""

DAGSTER_DAYS = """
import json, runpy, sys
from datetime import UTC, datetime
import dagster as dg
found = runpy.run_path(sys.argv[1])
dg.Definitions.validate_loadable(found["defs"])
days = []
class Shell(dg.PipesSubprocessClient):
    def run(self, *, context, command, cwd, env):
        bounds = [env[f"TAP_EVENTEXPORT_{name}_DATE"] for name in ("START", "END")]
        instants = [datetime.fromisoformat(bound).astimezone(UTC).isoformat() for bound in bounds]
        days.append([command[-1].partition("--state-id=")[2], *instants])
        return super().run(context=context, command="true", env=env)
secrets = found["Secrets"](croct_api_key="a", postgres_password="b")
for day in ("2026-03-01", "2026-03-02"):
    resources = {"shell": Shell(), "secrets": secrets}
    assert dg.materialize([found["events"]], partition_key=day, resources=resources).success
job = found["defs"].get_job_def("events_backfill")
print(json.dumps({"days": days, "job": job.name}))
"""


def ask(engine: str, home: Path, *arguments: str | Path) -> str:
    """Run a program of an engine's environment, which must succeed; what it prints."""
    programs = ROOT / f".venv-{engine}/bin"
    if not (programs / "python").exists():  # it takes minutes to install; nightly runs do
        pytest.skip(f"{engine.title()} is not installed: bin/engines")
    own = ENGINES[engine]().environment(home, home)
    done = subprocess.run(
        [programs / arguments[0], *arguments[1:]],
        env={**os.environ, **own, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commands(engine: str) -> list[str]:
    document = ROOT / f"examples/{engine}/README.md"
    return [command for block in blocks(document) for command in block.commands()]


def last_line(said: str) -> Any:
    return json.loads(said.splitlines()[-1])


@pytest.mark.parametrize("engine", EXAMPLES)
def test_an_example_and_its_readme_speak_of_the_same(engine: str) -> None:
    example, readme = EXAMPLES[engine], ROOT / f"examples/{engine}/README.md"
    text = example.read_text()
    compile(text, example, "exec")
    assert f'"{JOB}"' in text
    assert all(JOB in command for command in commands(engine) if "backfill" in command)
    for word in ("backfill-", "CROCT_API_KEY", "TAP_EVENTEXPORT_CONCURRENCY"):
        assert word in text
        assert word in readme.read_text()


def test_each_readme_is_in_the_recipes() -> None:
    recipes = (ROOT / "docs/recipes.md").read_text()
    assert all(f"(../{document})" in recipes for document in DOCUMENTS)


def test_airflow_takes_both_dags_and_runs_days_of_seoul(tmp_path: Path) -> None:
    told = last_line(ask("airflow", tmp_path, "python", "-c", AIRFLOW_DAYS, BACKFILL))
    assert told == {"days": SPRING, "limit": LIMIT}
    ask("airflow", tmp_path, "python", HOURLY)


def test_dagster_takes_the_definitions_and_runs_days_of_seoul(tmp_path: Path) -> None:
    told = last_line(ask("dagster", tmp_path, "python", "-c", DAGSTER_DAYS, DEFINITIONS))
    assert told == {"days": SPRING, "job": JOB}


@pytest.mark.parametrize(
    ("engine", "program"),
    [("airflow", "airflow backfill create"), ("dagster", "dagster job backfill")],
)
def test_the_engine_knows_each_option_of_the_readme(
    tmp_path: Path, engine: str, program: str
) -> None:
    known = ask(engine, tmp_path, *program.split(), "--help")
    for command in commands(engine):
        if command.startswith(program):
            options = re.findall(r"(?<= )--?[a-z-]+", command)
            assert options
            assert [option for option in options if option not in known] == []
