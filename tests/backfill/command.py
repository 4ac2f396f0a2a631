"""Runs the real command, and looks at what it left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMAND = str(Path(sys.executable).with_name("tap-eventexport-backfill"))


@dataclass
class Backfill:
    """The command with its settings and what it is told, in a folder of its own."""

    folder: Path
    settings: dict[str, Any]
    loader: str = "target-nowhere"

    @property
    def done(self) -> Path:
        """Where it keeps what is done."""
        return self.folder / "done"

    @property
    def ids(self) -> set[str]:
        """The partitions that are done."""
        return {path.stem for path in self.done.glob("*.json")}

    def plan(self, *arguments: str) -> list[dict[str, str]]:
        """The partitions, as the command prints them."""
        done = self._run("plan", arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Load to the end."""
        return self._run("run", [*self._how(), *arguments])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin to load."""
        return subprocess.Popen(
            self._command("run", [*self._how(), *arguments]),
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )

    def _how(self) -> list[str]:
        return ["--loader", self.loader, "--done", str(self.done), "--workers", "2"]

    def _run(self, act: str, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(act, arguments),
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=120,
            check=False,
        )

    def _command(self, act: str, arguments: Iterable[str]) -> list[str]:
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.settings))
        return [COMMAND, act, "--config", str(config), *arguments]
