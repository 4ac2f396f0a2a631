"""Runs the real command, and fills warehouses with real loaders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.meltano import ROOT
from tests.singer import COMMAND as TAP

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMAND = str(Path(sys.executable).with_name("tap-eventexport-audit"))
TARGETS = {name: ROOT / f".venv-{name}/bin/{name}" for name in ("target-jsonl", "target-postgres")}
SPAN = ("--start", "2026-03-01", "--end", "2026-03-04")

Counts = dict[str, int]


@dataclass
class Audited:
    """What the command ended with."""

    code: int
    output: str
    log: str

    @property
    def days(self) -> dict[tuple[str, str], Counts]:
        """Its JSON, by stream and day."""
        assert self.output, self.log
        return {(day.pop("stream"), day.pop("day")): day for day in json.loads(self.output)}

    @property
    def different(self) -> dict[tuple[str, str], Counts]:
        """The numbers that are not as they should be, but for those of rows."""
        told = {
            where: {
                name: count
                for name, count in counts.items()
                if count and name not in {"vendor", "store"}
            }
            for where, counts in self.days.items()
        }
        return {where: counts for where, counts in told.items() if counts}


@dataclass
class Audit:
    """The command with its settings, in a folder of its own."""

    folder: Path
    settings: dict[str, Any]
    warehouse: str
    span: tuple[str, ...] = SPAN

    @property
    def config(self) -> Path:
        path = self.folder / "audit.json"
        path.write_text(json.dumps(self.settings))
        return path

    def run(self, *arguments: str, **environment: str) -> Audited:
        """Run the command to its end."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, **environment},
            timeout=120,
            check=False,
        )
        return Audited(done.returncode, done.stdout, done.stderr)

    def command(self, *arguments: str) -> list[str]:
        given = ["--config", str(self.config), "--warehouse", self.warehouse, *self.span]
        return [COMMAND, *given, *arguments]

    def load(self, loader: str) -> None:
        """Load everything with the tap and a loader."""
        done = subprocess.run(  # noqa: S602 - of the test's own
            f"{TAP} --config {self.config} | {loader}",
            shell=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def none_missing(days: Iterable[Counts]) -> bool:
    """Whether the store has what the vendor has on each day, and there is a day with events."""
    found = [(day["vendor"], day["store"]) for day in days]
    return any(vendor for vendor, _ in found) and all(vendor == store for vendor, store in found)
