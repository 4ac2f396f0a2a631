"""Finds the input of a report: the files of a loader, and logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_eventexport.report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

EVENTS, LOG = ".jsonl", ".log"
LONGEST_LINE = 65_536  # characters; a longer one is read in parts


@dataclass(frozen=True, slots=True)
class Sources:
    """Files of events by stream, and logs, in order of their last change."""

    events: dict[str, list[Path]] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)


def find(paths: Iterable[Path], streams: Collection[str]) -> Sources:
    """Find files of events and logs in paths.

    A file of events has a name as from `target-jsonl`: `<stream>.jsonl` or `<stream>-<time>.jsonl`.
    In a folder, `*.log` are logs; a log that is given as a file may have any name.

    Raises:
        ReportError: If a path doesn't exist, or is a file of events of an unknown stream.
    """
    found = Sources()
    for file in {file.resolve(): file for path in paths for file in _files(path, streams)}.values():
        if file.suffix == EVENTS:
            stream = _stream(file, streams)
            if stream:
                found.events.setdefault(stream, []).append(file)
        else:
            found.logs.append(file)
    found.logs.sort(key=lambda log: log.stat().st_mtime)
    return found


def lines(log: Path) -> Iterator[str]:
    """Yield the lines of a log, with any content."""
    with log.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(LONGEST_LINE):
            yield line


def _files(path: Path, streams: Collection[str]) -> Iterator[Path]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in {EVENTS, LOG} and file.is_file():
                yield file
    elif not path.is_file():
        raise ReportError(f"{path}: there is no such file or folder")
    elif path.suffix == EVENTS and not _stream(path, streams):
        raise ReportError(f"{path}: a file of events is named after its stream: {_named(streams)}")
    else:
        yield path


def _stream(file: Path, streams: Collection[str]) -> str | None:
    return next((name for name in streams if file.stem.partition("-")[0] == name), None)


def _named(streams: Collection[str]) -> str:
    return ", ".join(f"{name}{EVENTS}" for name in streams)
