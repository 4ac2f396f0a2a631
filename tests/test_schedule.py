"""The schedules run the README's commands, once an hour, never two at a time."""

from __future__ import annotations

import ast
import re
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_eventexport.engine.windows import parse_instant
from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULES = ROOT / "examples/schedule"
CRONTAB = SCHEDULES / "crontab"
DAG = SCHEDULES / "airflow_dag.py"
WORKFLOW = SCHEDULES / "github-actions.yml"
AUDIT_DAG, AUDIT_WORKFLOW = (
    SCHEDULES / "airflow_audit_dag.py",
    SCHEDULES / "github-actions-audit.yml",
)
HOURLY = "17 * * * *"
NIGHTLY = "41 4 * * *"
AUDIT = "tap-eventexport-audit --config=ENV --warehouse=ENV --schema events --start "
RUN = "meltano run tap-eventexport target-postgres"


def commands_of_the_readme() -> set[str]:
    """Lines of shell, for the loader of the schedules, without the extras of what is installed."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return {line.replace("target-jsonl", "target-postgres") for line in lines}


def arguments(call: str, dag: Path = DAG) -> dict[str, str]:
    """The named arguments of a call in the DAG, as they are written."""
    calls = [node for node in ast.walk(ast.parse(dag.read_text())) if isinstance(node, ast.Call)]
    (found,) = [node for node in calls if ast.unparse(node.func) == call]
    return {str(argument.arg): ast.unparse(argument.value) for argument in found.keywords}


def workflow() -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return parsed


def test_the_line_for_cron() -> None:
    line, _ = [line for line in CRONTAB.read_text().splitlines() if not line.startswith("#")]
    when, command = line[: len(HOURLY)], line[len(HOURLY) :]
    assert when == HOURLY
    assert RUN in commands_of_the_readme()
    assert RUN in command.replace('"$HOME/.local/bin/meltano"', "meltano")
    assert "%" not in command  # which is cron's line feed
    assert subprocess.run(["/bin/sh", "-nc", command], check=False).returncode == 0


def test_the_dag_for_airflow() -> None:
    compile(DAG.read_text(), DAG, "exec")
    dag, task = arguments("DAG"), arguments("BashOperator")
    assert dag["schedule"] == repr(HOURLY)
    assert (dag["catchup"], dag["max_active_runs"]) == ("False", "1")
    assert task["bash_command"] == repr(RUN)
    assert int(task["retries"]) > 0
    assert "retry_exponential_backoff" in task


def test_the_workflow_for_github() -> None:
    parsed = workflow()
    assert parsed[True]["schedule"] == [{"cron": HOURLY}]  # YAML 1.1 takes "on" for true
    assert parsed["concurrency"] == {"group": "events", "cancel-in-progress": False}
    (job,) = parsed["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-1] == RUN
    plain = [re.sub(r"'(\w+)\[\w+\]'", r"\1", command) for command in commands]
    assert set(plain) <= commands_of_the_readme()


def test_the_workflow_holds_no_secret() -> None:
    (job,) = workflow()["jobs"].values()
    variables = dict(job["env"])
    assert variables.pop("MELTANO_DATABASE_URI") == "${{ secrets.MELTANO_DATABASE_URI }}"
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    is_sensitive = {
        f"{plugin['namespace']}_{setting['name']}".upper(): bool(setting.get("sensitive"))
        for plugin in (*plugins["extractors"], *plugins["loaders"])
        for setting in plugin["settings"]
    }
    for name, value in variables.items():
        assert value.startswith("${{ secrets." if is_sensitive[name] else "${{ vars.")


def test_the_nightly_audit_for_cron() -> None:
    _, line = [line for line in CRONTAB.read_text().splitlines() if not line.startswith("#")]
    when, command = line[: len(NIGHTLY)], line[len(NIGHTLY) :].replace("\\%", "%")
    assert when == NIGHTLY
    assert AUDIT in command
    assert "%" not in line.replace("\\%", "")
    assert subprocess.run(["/bin/sh", "-nc", command], check=False).returncode == 0


def test_the_nightly_audit_for_airflow() -> None:
    compile(AUDIT_DAG.read_text(), AUDIT_DAG, "exec")
    assert arguments("DAG", AUDIT_DAG)["schedule"] == repr(NIGHTLY)
    command = ast.literal_eval(arguments("BashOperator", AUDIT_DAG)["bash_command"])
    assert command.startswith(AUDIT)


def test_the_nightly_audit_for_github() -> None:
    parsed = yaml.safe_load(AUDIT_WORKFLOW.read_text())
    assert parsed[True]["schedule"] == [{"cron": NIGHTLY}]
    (job,) = parsed["jobs"].values()
    assert job["steps"][-1]["run"].startswith(AUDIT)
    assert all(value.startswith("${{ secrets.") for value in job["env"].values())


def said_by(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout.strip()


@pytest.mark.parametrize("line", [CRONTAB, AUDIT_WORKFLOW])
def test_the_nightly_audit_takes_dates_that_the_command_reads(line: Path) -> None:
    dates = re.findall(r'"\$\((date[^)]*)\)"', line.read_text().replace("\\%", "%"))
    assert len(dates) == 2
    start, end = (parse_instant(said_by(date)) for date in dates)
    assert end - start == timedelta(days=7)


def test_the_recipes_point_to_each() -> None:
    recipes = (ROOT / "docs/recipes.md").read_text()
    for file in SCHEDULES.iterdir():
        assert f"(../examples/schedule/{file.name})" in recipes
