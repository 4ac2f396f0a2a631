"""Runs the real command and listens to it as a target would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import copy, deepcopy
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jsonschema import Draft202012Validator, FormatChecker

from tap_eventexport.engine.http.retry import FIRST_PAUSE
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors import VENDORS
from tests.forks import Command, Forks

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST = 120.0  # seconds for one run
HURRIED = 0.02  # seconds after a first fault, where the length of pauses is not the point
COMMAND = str(Path(sys.executable).with_name("tap-eventexport"))
COMMANDS = Path(__file__).with_name("commands")


class Check:
    """Whether records fit a SCHEMA; one that was seen to fit it is known to.

    Most runs of the tests say what others said before them.
    """

    _fitting: ClassVar[set[int]] = set()

    def __init__(self, schema: dict[str, Any], keys: list[str]) -> None:
        Draft202012Validator.check_schema(schema)
        assert keys
        assert schema["properties"].keys() >= set(keys)
        self._schema = json.dumps(schema)
        self._validator = Draft202012Validator(schema, format_checker=FormatChecker())
        self._keys = keys

    def pass_record(self, record: dict[str, Any]) -> None:
        both = hash((self._schema, json.dumps(record)))
        if both not in self._fitting:
            self._validator.validate(record)
            self._fitting.add(both)
        assert all(record[key] for key in self._keys)


def time_of(bookmark: dict[str, Any]) -> str:
    """What a bookmark promises; of a table, when it was read."""
    value: str = bookmark.get("replication_key_value") or bookmark["read_at"]
    return value


@dataclass
class Heard:
    """What a target hears: messages in order, checked as they come.

    It knows the Singer specification and nothing of the tap. Raises AssertionError where a record
    or a batch comes before its SCHEMA, a record doesn't fit it or lacks a key, or where a bookmark
    goes back or is forgotten.
    """

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    schemas: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    versions: list[tuple[str, int]] = field(default_factory=list)
    _checks: dict[str, Check] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        message = json.loads(line)
        stream = message.get("stream")
        match message["type"]:
            case "SCHEMA":
                self._checks[stream] = Check(message["schema"], message["key_properties"])
                self.schemas.setdefault(stream, []).append(message["schema"])
            case "RECORD":
                self._checks[stream].pass_record(message["record"])
                self.records.setdefault(stream, []).append(message["record"])
            case "BATCH":
                assert stream in self.schemas
                assert message["manifest"]
                self.batches.append(message)
            case "ACTIVATE_VERSION":
                assert stream in self.records
                self.versions.append((stream, message["version"]))
            case "STATE":
                bookmarks = message["value"]["bookmarks"]
                assert all(
                    name in bookmarks for state in self.states[-1:] for name in state["bookmarks"]
                )
                for name, bookmark in bookmarks.items():
                    before = self.bookmark(name)
                    assert not before or time_of(bookmark) >= before
                self.states.append(message["value"])
            case other:
                raise AssertionError(other)

    def bookmark(self, stream: str = "croct_events") -> str | None:
        """The last bookmark of a stream."""
        last = self.states[-1]["bookmarks"] if self.states else {}
        return time_of(last[stream]) if stream in last else None

    def keys(self, stream: str = "croct_events", key: str = "id") -> list[str]:
        return [record[key] for record in self.records.get(stream, [])]


@dataclass
class Run:
    """A finished run of the command; its messages are checked, unless its lines are others."""

    code: int
    lines: list[str]
    log: str

    def listen(self) -> None:
        """Check the messages."""
        self.heard  # noqa: B018 - checks what it hears

    @cached_property
    def heard(self) -> Heard:
        heard = Heard()
        for line in self.lines:
            heard.hear(line)
        return heard

    def log_line(self, part: str) -> str:
        """The only line of the log that holds a text."""
        (line,) = [line for line in self.log.splitlines() if part in line]
        return line


@cache
def forks() -> Forks:
    """What forks for all tests of this process."""
    return Forks()


@cache
def known_streams() -> dict[str, dict[str, Any]]:
    """The catalog of all vendors, by stream."""
    names = [
        name for vendor in VENDORS for name in (vendor.api({}).credential, *vendor.api({}).required)
    ]
    role = {"infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export"}
    invented = {**dict.fromkeys(names, "x-1"), **role, "infobip_s3_region": "eu-central-1"}
    made: dict[str, Any] = TapEventExport(config=invented).catalog_dict
    return {stream["tap_stream_id"]: stream for stream in made["streams"]}


def catalog_without(
    names: Collection[str], config: dict[str, Any], beside: Collection[str] = ()
) -> dict[str, Any]:
    """A catalog of the configured vendors' streams, of which some aren't selected, or more are."""
    apis = [vendor.api(config) for vendor in VENDORS]
    configured = [api for api in apis if api.is_configured(config)]
    names_of = attrgetter("name")
    streams = deepcopy(
        [known_streams()[name] for api in configured for name in map(names_of, api.streams)]
    )
    for stream in streams:
        (root,) = [each for each in stream["metadata"] if not each["breadcrumb"]]
        name = stream["tap_stream_id"]
        root["metadata"]["selected"] |= name in beside
        root["metadata"]["selected"] &= name not in names
    return {"streams": streams}


class Tap:
    """The command `tap-eventexport` in a folder of its own.

    Args:
        folder: Where it runs.
        shift: Seconds that its clock is ahead of the machine's.
        pause: Seconds that it waits after a first fault.
        without: Streams that its catalog leaves out, if it gets no other one.
        beside: Streams that its catalog selects though they aren't by default.
        settings: Its settings, unless a run says otherwise.
    """

    def __init__(
        self,
        folder: Path,
        shift: float = 0.0,
        pause: float = FIRST_PAUSE,
        without: Collection[str] = (),
        beside: Collection[str] = (),
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.shift = shift
        self.without = without
        self.beside = beside
        self.settings = settings
        is_plain = (shift, pause) == (0.0, FIRST_PAUSE)
        script = COMMANDS / "at_another_time.py"
        another = [sys.executable, str(script), str(shift), str(pause)]
        self.command = [COMMAND] if is_plain else another
        self.forked = self.command  # another one may need to import what it changes itself

    def hurried(self) -> Tap:
        """The same command with short pauses."""
        return Tap(self.folder, self.shift, HURRIED, self.without, self.beside, **self.settings)

    def anew(self) -> Tap:
        """The same command, for which Python starts anew each time."""
        same = copy(self)
        same.forked = []
        return same

    def arguments(
        self, *arguments: str, state: Any = None, catalog: Any = None, **settings: Any
    ) -> list[str]:
        """The command line, with its files written."""
        config = {**self.settings, **settings}
        is_chosen = bool(self.without or self.beside)
        if catalog is None and is_chosen and arguments[:1] in {(), ("--state",)}:
            catalog = catalog_without(self.without, config, self.beside)
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
        """Run the command to its end, in a fork where that is as good as a new process."""
        command = Command(
            self.arguments(*arguments, **options),
            str(self.folder),
            {**os.environ, **(environment or {})},
        )
        if self.command == self.forked and forks().can_run(command):
            done = forks().run(command, LONGEST)
        else:
            done = subprocess.run(
                command.arguments,
                capture_output=True,
                text=True,
                cwd=command.folder,
                env=command.environment,
                timeout=LONGEST,
                check=False,
            )
        run = Run(done.returncode, done.stdout.split("\n")[:-1], done.stderr)
        if not arguments:
            run.listen()
        return run

    def read(self, **options: Any) -> Heard:
        """Run the command, which must succeed, and return what was heard."""
        done = self.run(**options)
        assert done.code == 0, done.log
        return done.heard
