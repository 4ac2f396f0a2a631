"""The workflows take only what is pinned, and publish only what was tested."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
import yaml

from docs import release_notes
from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples/schedule").glob("*.yml"))
ALL = [*WORKFLOWS, *EXAMPLES]
TOOLS = ROOT / ".venv-lint/bin"
USES = re.compile(r"uses: (.+)$", re.MULTILINE)
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TO_SIGN = "id-token"


def jobs(name: str) -> dict[str, dict[str, Any]]:
    parsed = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    found: dict[str, dict[str, Any]] = parsed["jobs"]
    return found


def run(*command: str | Path) -> tuple[int, str]:
    """A command's exit code, and what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def before(name: str, all_jobs: dict[str, dict[str, Any]]) -> set[str]:
    """All jobs that must have succeeded before one."""
    needs = all_jobs[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(each, all_jobs) for each in direct))


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_each_workflow_passes_the_auditor_and_has_its_form(file: Path) -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    for name, *options in (("zizmor", "--offline", "--quiet"), ("check-jsonschema", *schema)):
        assert run(TOOLS / name, *options, file) == (0, ANY)


def test_the_auditor_finds_an_action_that_is_not_pinned(tmp_path: Path) -> None:
    file = tmp_path / "test.yml"
    text = (ROOT / ".github/workflows/nightly.yml").read_text()
    file.write_text(USES.sub("uses: actions/checkout@v7", text))
    code, said = run(TOOLS / "zizmor", "--offline", "--quiet", file)
    assert code != 0
    assert "unpinned-uses" in said


def test_each_action_is_one_commit_of_one_release() -> None:
    used = {action for file in ALL for action in USES.findall(file.read_text())}
    assert [action for action in used if not PINNED.fullmatch(action)] == []
    names = [action.partition("@")[0] for action in used]
    assert sorted(names) == sorted(set(names)), "the same action in two versions"


def test_a_release_is_tested_and_attested_before_it_is_published() -> None:
    release = jobs("release")
    assert before("publish", release) == {"build", "test-image", "attest"}
    assert {"publish", "image"} <= before("release", release)
    built = [step.get("run", "") for step in release["build"]["steps"]]
    assert "bin/package python3.11 python3.12 python3.13 python3.14" in built
    assert any(run.startswith("bin/sbom ") for run in built)
    published = release["publish"]["steps"][-1]
    assert published["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert "with" not in published  # no password: PyPI trusts this workflow
    assert release["publish"]["environment"]["name"] == "pypi"


def test_only_the_jobs_that_sign_may_sign() -> None:
    """They run no code of this repository or of its dependencies, but for the image's recipe."""
    release = jobs("release")
    signing = {name for name, job in release.items() if TO_SIGN in job["permissions"]}
    assert signing == {"attest", "publish", "image"}
    for name in ("attest", "publish"):
        assert not any("run" in step for step in release[name]["steps"])
    assert yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["permissions"] == {}


def test_a_pull_request_passes_if_all_jobs_do() -> None:
    tested = jobs("test")
    assert set(tested["all"]["needs"]) == tested.keys() - {"all"}


def test_the_changelog_tells_of_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    notes = release_notes.notes(f"v{version}")
    assert notes.startswith("### ")
    assert "\n## " not in notes
    assert "target-eventexport" in notes


@pytest.mark.parametrize(
    ("tag", "changelog", "words"),
    [
        ("v1.2.4", "", "the tag is v1.2.4, but pyproject.toml has version 1.2.3"),
        ("1.2.3", "", "the tag is 1.2.3, but"),
        ("v1.2.3", "## [1.2.3]\n\n- A.\n", "has no heading ## [1.2.3] with its date"),
        ("v1.2.3", "## [1.2.30] - 2026-01-02\n\n- A.\n", "has no heading ## [1.2.3]"),
        ("v1.2.3", "## [1.2.3] - 2026-01-02\n\n## [1.2.2]\n\n- A.\n", "has no changes"),
    ],
)
def test_a_tag_that_is_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str, changelog: str, words: str
) -> None:
    monkeypatch.setattr(release_notes, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    with pytest.raises(release_notes.NoReleaseError, match=re.escape(words)):
        release_notes.notes(tag)
