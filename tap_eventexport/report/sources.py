"""Finds the input of a report: the files of a loader, and logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from tap_eventexport.report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

JSONL, PARQUET, DUCKDB, LOG = ".jsonl", ".parquet", ".duckdb", ".log"
EVENTS = {JSONL, PARQUET, DUCKDB}
LONGEST_LINE = 65_536  # characters; a longer one is read in parts


@dataclass(frozen=True, slots=True)
class Sources:
    """Files of events by stream, and logs and audits, in order of their last change."""

    events: dict[str, list[Path]] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)
    audits: list[Path] = field(default_factory=list)


def find(paths: Iterable[Path], streams: Collection[str]) -> Sources:
    """Find files of events and logs in paths.

    A file of events is one of JSONL, named as by `target-jsonl`: `<stream>.jsonl` or
    `<stream>-<time>.jsonl`; one of Parquet in a folder with the name of its stream; or one of
    DuckDB, with a table for each stream. In a folder, `*.log` are logs; a log that is given as a
    file may have any name. `audit*.json` has what an audit has found.

    Raises:
        ReportError: If a path doesn't exist, or is a file of events of an unknown stream.
    """
    found = Sources()
    for file in {file.resolve(): file for path in paths for file in _files(path, streams)}.values():
        if file.suffix in EVENTS:
            for stream in _streams(file, streams):
                found.events.setdefault(stream, []).append(file)
        elif _is_audit(file):
            found.audits.append(file)
        else:
            found.logs.append(file)
    for files in (found.logs, found.audits):
        files.sort(key=lambda file: file.stat().st_mtime)
    return found


def lines(log: Path) -> Iterator[str]:
    """Yield the lines of a log, with any content."""
    with log.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(LONGEST_LINE):
            yield line


def _files(path: Path, streams: Collection[str]) -> Iterator[Path]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if (file.suffix in {*EVENTS, LOG} or _is_audit(file)) and file.is_file():
                yield file
    elif not path.is_file():
        raise ReportError(f"{path}: there is no such file or folder")
    elif path.suffix == JSONL and not _streams(path, streams):
        raise ReportError(f"{path}: a file of events is named after its stream: {_named(streams)}")
    else:
        yield path


def _is_audit(file: Path) -> bool:
    return file.suffix == ".json" and file.stem.startswith("audit")


def _streams(file: Path, streams: Collection[str]) -> list[str]:
    """Return the streams whose events a file has."""
    if file.suffix == DUCKDB:
        return [name for name in streams if tables(file, name)]
    names = {file.stem.partition("-")[0]}
    if file.suffix == PARQUET:
        names = {folder.name for folder in file.parents}
    return [name for name in streams if name in names]


def tables(file: Path, stream: str) -> list[str]:
    """Return the tables of a stream in a DuckDB file, with their schemas.

    Raises:
        ReportError: If it can't be read.
    """
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.execute(
                "select schema_name from duckdb_tables() where table_name = ?", [stream]
            ).fetchall()
    except duckdb.Error as error:
        raise ReportError(f"{file}: {str(error).partition(chr(10))[0]}") from None
    return [f'"{schema}"."{stream}"' for (schema,) in found]


def _named(streams: Collection[str]) -> str:
    return ", ".join(f"{name}{JSONL}" for name in streams)
