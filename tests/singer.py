"""Runs the real command and listens to it as a target would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

COMMAND = str(Path(sys.executable).with_name("tap-eventexport"))

# Runs the command's own entry point with another clock: seconds to add to the machine's.
AT_ANOTHER_TIME = """
import sys, time
machine, shift = time.time, float(sys.argv.pop(1))
time.time = lambda: machine() + shift
from tap_eventexport.tap import main
main()
"""


@dataclass
class Heard:
    """What a target hears: messages in order, checked as they come.

    Raises AssertionError where a record comes before its SCHEMA or doesn't fit it, or where a
    bookmark goes back.
    """

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    schemas: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)

    def hear(self, line: str) -> None:
        message = json.loads(line)
        match message["type"]:
            case "SCHEMA":
                self.schemas.setdefault(message["stream"], []).append(message["schema"])
            case "RECORD":
                schema = self.schemas[message["stream"]][-1]
                validator = Draft202012Validator(schema, format_checker=FormatChecker())
                validator.validate(message["record"])
                self.records.setdefault(message["stream"], []).append(message["record"])
            case "BATCH":
                assert message["stream"] in self.schemas
                self.batches.append(message)
            case "STATE":
                for stream, bookmark in message["value"]["bookmarks"].items():
                    before = self.bookmark(stream)
                    assert not before or bookmark["replication_key_value"] >= before
                self.states.append(message["value"])
            case other:
                raise AssertionError(other)

    def bookmark(self, stream: str = "croct_events") -> str | None:
        """The last bookmark of a stream."""
        last = self.states[-1]["bookmarks"] if self.states else {}
        value: str | None = last.get(stream, {}).get("replication_key_value")
        return value

    def keys(self, stream: str = "croct_events", key: str = "id") -> list[str]:
        return [record[key] for record in self.records.get(stream, [])]


@dataclass
class Run:
    """A finished run of the command."""

    code: int
    lines: list[str]
    log: str

    @property
    def heard(self) -> Heard:
        heard = Heard()
        for line in self.lines:
            heard.hear(line)
        return heard

    def log_line(self, part: str) -> str:
        """The only line of the log that holds a text."""
        (line,) = [line for line in self.log.splitlines() if part in line]
        return line


class Tap:
    """The command `tap-eventexport` in a folder of its own.

    Args:
        folder: Where it runs.
        shift: Seconds that its clock is ahead of the machine's.
        settings: Its settings, unless a run says otherwise.
    """

    def __init__(self, folder: Path, shift: float = 0.0, **settings: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.command = [sys.executable, "-c", AT_ANOTHER_TIME, str(shift)] if shift else [COMMAND]

    def arguments(
        self, *arguments: str, state: Any = None, catalog: Any = None, **settings: Any
    ) -> list[str]:
        """The command line, with its files written."""
        config = {**self.settings, **settings}
        files = {"config": config, "state": state, "catalog": catalog}
        for name, value in files.items():
            if value is not None:
                path = self.folder / f"{name}.json"
                path.write_text(json.dumps(value))
                arguments = (*arguments, f"--{name}", str(path))
        return [*self.command, *arguments]

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command; its output can be read as it comes, its log is in `log`."""
        with self._log.open("w") as log:
            return subprocess.Popen(
                self.arguments(*arguments, **options),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )

    @property
    def log(self) -> str:
        """What the command that was started has logged."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.folder / "log.txt"

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None, **options: Any
    ) -> Run:
        """Run the command to its end."""
        done = subprocess.run(
            self.arguments(*arguments, **options),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout.split("\n")[:-1], done.stderr)

    def read(self, **options: Any) -> Heard:
        """Run the command, which must succeed, and return what was heard."""
        done = self.run(**options)
        assert done.code == 0, done.log
        return done.heard
