"""CONTRIBUTING's vendor is one file and one line; with them, everything is green."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "*.pyc", "__pycache__", "output", "demo-output")
KEPT = (".secrets.example", ".github", ".gitignore")
LAST = '    "ncp",\n'
FAST = (  # what knows of vendors without naming one
    "tests/test_checks.py",
    "tests/test_command.py",
    "tests/test_commands.py",
    "tests/test_contributing.py",
    "tests/test_documents.py",
    "tests/test_layers.py",
    "tests/test_links.py",
    "tests/report/test_events.py",
)
SLOW = ("tests/trust", "tests/backfill", "tests/test_sixth_vendor.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of this tree with the vendor in it."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    for name in KEPT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    example, _ = re.findall(
        r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL
    )
    vendors = tree / "tap_eventexport/vendors"
    (vendors / "acme.py").write_text(example)
    listed = (vendors / "__init__.py").read_text()
    assert LAST in listed
    (vendors / "__init__.py").write_text(listed.replace(LAST, f'{LAST}    "acme",\n'))
    return tree


def environment_of(tree: Path) -> Path:
    """The Python of an environment like this one, in which the tap is that of another tree."""
    venv.create(tree / ".venv", symlinks=True)
    for loader in ROOT.glob(".venv-*"):
        (tree / loader.name).symlink_to(loader)
    python = tree / ".venv/bin/python"
    (packages,) = (tree / ".venv/lib").glob("python*/site-packages")
    own = sysconfig.get_path("purelib")
    (packages / "tree.pth").write_text(f"{tree}\nimport site; site.addsitedir({own!r})\n")
    for script in Path(sys.executable).parent.glob("*-eventexport*"):
        text = script.read_text().replace(sys.executable, str(python))
        python.with_name(script.name).write_text(text)
        python.with_name(script.name).chmod(0o755)
    return python


def run(python: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(
        [python, "-m", *arguments],
        cwd=python.parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_sixth_vendor_is_one_file_and_one_line(
    tree: Path, request: pytest.FixtureRequest
) -> None:
    python = environment_of(tree)
    run(python, "docs.generate")
    for name in ("README.md", "docs/settings.md", "meltano.yml", ".secrets.example"):
        assert "acme" in (tree / name).read_text().lower()
    is_long = request.config.getoption("long")
    chosen = ("tests", *(f"--ignore={name}" for name in SLOW)) if is_long else FAST
    run(python, "pytest", "--quiet", "-p", "no:cacheprovider", *chosen)
