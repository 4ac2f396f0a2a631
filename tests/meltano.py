"""Meltano in a project of its own, as a user has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.environment import for_installing

ROOT = Path(__file__).parents[1]
MELTANO = ROOT / ".venv-meltano/bin/meltano"
FILES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "meltano.yml",
    "tap_eventexport",
    "target_eventexport",
    "dbt",
)


class Project:
    """A copy of this project in a folder.

    Args:
        folder: Where; it must not exist.
        environment: What is set beside the environment of the tests.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir()
        for name in FILES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        self.output = folder / "output"
        self.output.mkdir()
        self.folder = folder
        self.environment = environment

    def start(self, *arguments: str, **settings: Any) -> subprocess.Popen[bytes]:
        """Start meltano with settings of the tap; what it prints is in files."""
        told = {f"TAP_EVENTEXPORT_{name.upper()}": f"{value}" for name, value in settings.items()}
        with self._printed.open("w") as printed, self._log.open("w") as log:
            return subprocess.Popen(
                [MELTANO, *arguments],
                cwd=self.folder,
                env={**os.environ, **for_installing(), **self.environment, **told},
                stdout=printed,
                stderr=log,
            )

    @property
    def _printed(self) -> Path:
        return self.folder / "printed.txt"

    @property
    def _log(self) -> Path:
        return self.folder / "log.txt"

    def run(self, *arguments: str, **settings: Any) -> str:
        """Run meltano, which must succeed, with settings of the tap; what it prints."""
        process = self.start(*arguments, **settings)
        printed = self._printed.read_text() if process.wait() == 0 else None
        assert printed is not None, self._log.read_text()
        return printed
