"""The example for containers: what goes into the image, how it is run, and what it does there."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from tap_eventexport.sandbox import envfile
from tests.conftest import END, START
from tests.meltano import ROOT

if TYPE_CHECKING:
    from tap_eventexport.sandbox.croct import Croct

EXAMPLE = ROOT / "examples/docker"
DOCKERFILE = EXAMPLE / "Dockerfile"
TOOLS = ROOT / ".venv-lint/bin"
LOAD = EXAMPLE / "load"
USER = 10001
UNTIL_TERMINATED = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("last", flush=True), sys.exit(143)))
print("started", file=sys.stderr, flush=True)
signal.pause()
"""


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each in one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def values(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def accepts(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_its_linter() -> None:
    accepts(TOOLS / "hadolint", DOCKERFILE)


def test_the_image_holds_only_what_is_named() -> None:
    """So that no file of settings and no history is in a layer."""
    copied = [
        source.rstrip("/")
        for rest in values("COPY")
        if "--from=" not in rest
        for source in shlex.split(rest.removeprefix("--chmod=755 "))[:-1]
    ]
    assert all((ROOT / source).exists() for source in copied)
    lines = (EXAMPLE / "Dockerfile.dockerignore").read_text().splitlines()
    first, *rules, last = [line for line in lines if not line.startswith("#")]
    assert (first, last) == ("*", "**/__pycache__")
    assert rules == [f"!{source}" for source in copied]
    assert values("ARG") == values("ENV") == values("ADD") == []


def test_an_ordinary_user_runs_two_environments() -> None:
    assert values("USER") == [f"{USER}:{USER}"]
    installed = [rest for rest in values("RUN") if " install --constraint constraints.txt " in rest]
    assert installed[0].count("--constraint constraints.txt") == 2
    assert "--python /opt/tap" in installed[0]
    assert "--python /opt/target" in installed[0]
    assert all("slim" in base for base in values("FROM"))
    assert values("FROM")[-1] == values("FROM")[0].removesuffix(" AS build")


def test_compose_keeps_the_state_and_the_warehouse() -> None:
    file = EXAMPLE / "compose.yaml"
    accepts(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    parsed = yaml.safe_load(file.read_text())
    load, postgres = parsed["services"]["load"], parsed["services"]["postgres"]
    assert (file.parent / load["build"]["context"]).resolve() == ROOT
    assert load["build"]["dockerfile"] == str(DOCKERFILE.relative_to(ROOT))
    assert (file.parent / load["env_file"]).resolve() == ROOT / ".env"
    assert load["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "healthcheck" in postgres
    mounted = [*load["volumes"], *postgres["volumes"]]
    assert {mount.partition(":")[0] for mount in mounted} == set(parsed["volumes"])
    assert "state:/state" in load["volumes"]
    assert int(load["command"][0]) == 60 * 60
    given = {**postgres["environment"], **load["environment"]}
    for name in ("POSTGRES_PASSWORD", "TARGET_EVENTEXPORT_DESTINATION"):
        assert "${POSTGRES_PASSWORD:?set it in .env}" in given[name]


def test_the_cron_job_runs_alone_and_without_rights() -> None:
    claim, job = yaml.safe_load_all((EXAMPLE / "cronjob.yaml").read_text())
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert spec["concurrencyPolicy"] == "Forbid"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    who = pod["securityContext"]
    assert (who["runAsNonRoot"], who["runAsUser"], who["fsGroup"]) == (True, USER, USER)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["envFrom"] == [{"secretRef": {"name": "tap-eventexport"}}]
    assert "env" not in container
    places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(places) == {"/state", "/tmp"}  # noqa: S108 - of a container
    kept = volumes[places["/state"]]["persistentVolumeClaim"]["claimName"]
    assert (claim["kind"], claim["metadata"]["name"]) == ("PersistentVolumeClaim", kept)


def load(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what the image runs, in a folder."""
    return subprocess.run(
        [LOAD, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_image_runs_loads_and_resumes(
    tmp_path: Path, settings: dict[str, Any], croct: Croct
) -> None:
    own = envfile.environment({name: f"{value}" for name, value in settings.items()})
    environment = {
        **own,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TARGET_EVENTEXPORT_DESTINATION": f"duckdb:///{tmp_path}/events.duckdb",
    }
    for words in ("croct_events: 720 records", "croct_events: 0 records"):
        done = load(tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        assert words in done.stderr
        assert "croct_events" in json.loads((tmp_path / "state.json").read_text())["bookmarks"]
    with duckdb.connect(str(tmp_path / "events.duckdb"), read_only=True) as database:
        ids = [key for (key,) in database.execute("select id from croct_events").fetchall()]
    assert Counter(ids) == Counter(croct.truth("croct_events", START, END))


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that stand for the tap and the loader."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


def stand_in(programs: Path, name: str, script: str) -> None:
    program = programs / name
    program.write_text(f"#!/usr/bin/env bash\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("tap", "target", "seen"),
    [
        ("echo 1", "cat", (0, "1\n")),
        ("printf '1\\n2\\n3'", "cat", (0, "2\n")),  # a line that a killed loader has begun is none
        ("echo 1; exit 1", "cat", (1, "1\n")),
        ("echo 1", "cat; exit 3", (3, "1\n")),
        ("echo 1", "cat >&2; exit 1", (1, "old\n")),
    ],
)
def test_the_last_confirmed_state_is_kept(
    tmp_path: Path, stand_ins: Path, tap: str, target: str, seen: tuple[int, str]
) -> None:
    stand_in(stand_ins, "tap-eventexport", tap)
    stand_in(stand_ins, "target-eventexport", target)
    (tmp_path / "state.json").write_text("old\n")
    code = load(tmp_path).returncode
    assert (code, (tmp_path / "state.json").read_text()) == seen
    assert {file.name for file in tmp_path.iterdir()} == {"programs", "state.json"}


@pytest.mark.parametrize("arguments", [(), ("3600",)])
def test_a_signal_ends_the_tap_and_what_it_sent_is_loaded(
    tmp_path: Path, stand_ins: Path, arguments: tuple[str, ...]
) -> None:
    waits = f"exec {sys.executable} -c {shlex.quote(UNTIL_TERMINATED)}"
    stand_in(stand_ins, "tap-eventexport", waits)
    stand_in(stand_ins, "target-eventexport", 'trap "echo hurt >&2" TERM; cat')
    with subprocess.Popen(
        [LOAD, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == ""
    assert process.returncode == 143
    assert (tmp_path / "state.json").read_text() == "last\n"


def test_with_a_pause_it_loads_again_after_a_failure_too(tmp_path: Path, stand_ins: Path) -> None:
    fails_once = (
        'echo "$@" >>calls; [ "$(wc -l <calls)" = 3 ] && kill -TERM "$PPID"; echo 1; exit 1'
    )
    stand_in(stand_ins, "tap-eventexport", fails_once)
    stand_in(stand_ins, "target-eventexport", "cat")
    assert load(tmp_path, "0").returncode == 143
    first, *others = (tmp_path / "calls").read_text().splitlines()
    assert first == "--config=ENV"
    assert others == ["--config=ENV --state state.json"] * 2
