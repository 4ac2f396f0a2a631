"""What other taps write is loaded right: the files that target-postgres and the SDK test with."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import singer_sdk.testing

from target_eventexport.columns import Kind, kind_of
from target_eventexport.errors import LoadError
from tests.meltano import ROOT
from tests.target.loading import from_json, load

if TYPE_CHECKING:
    from tests.target.loading import Place

LOADER = ROOT / ".venv-target-postgres/lib"
FOLDERS = (
    *LOADER.glob("python*/site-packages/target_postgres/tests/data_files"),
    Path(singer_sdk.testing.__file__).parent / "target_test_streams",
)
FILES = {file.stem: file for folder in FOLDERS for file in sorted(folder.glob("*.singer"))}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
REFUSED = {
    "invalid_schema": "its SCHEMA has no properties",
    "record_before_schema": "a record came before its SCHEMA",
    "record_missing_key_property": "no value for its key id",
    "record_missing_required_property": "missing required field",
}


def truth(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The last record of each key, by stream; all records where there are no keys."""
    keys: dict[str, list[str]] = {}
    kinds: dict[str, dict[str, Kind]] = {}
    rows: dict[str, dict[Any, dict[str, Any]]] = {}
    for line in file.read_text().splitlines():
        message: Any = from_json(line) if line.strip() else {"type": None}
        stream: Any = message.get("stream")
        if message["type"] == "SCHEMA":
            keys[stream] = message.get("key_properties") or []
            properties = message["schema"]["properties"]
            kinds.setdefault(stream, {}).update({n: kind_of(p) for n, p in properties.items()})
        if message["type"] == "RECORD":
            record = message["record"]
            found = rows.setdefault(stream, {})
            key = tuple(str(record[name]) for name in keys[stream]) or len(found)
            found[key] = {
                name: _value(record.get(name), kind) for name, kind in kinds[stream].items()
            }
    return {stream: [*found.values()] for stream, found in rows.items()}


def _value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == Kind.INSTANT:
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return date.fromisoformat(value) if kind == Kind.DATE else value


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in one order, numbers by value and texts of numbers as numbers."""
    return sorted(json.dumps(_plain(row), sort_keys=True) for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bool) or value is None:
        return value
    text = str(value).replace("\0", "\ufffd")
    return str(Decimal(text).normalize()) if NUMBER.fullmatch(text) else text


@pytest.mark.parametrize("name", FILES)
def test_values_are_those_of_the_records(place: Place, name: str) -> None:
    lines: list[Any] = FILES[name].read_bytes().splitlines()
    if name in REFUSED:
        with pytest.raises(LoadError, match=REFUSED[name]):
            load(place, lines)
        return
    load(place, lines)
    for stream, rows in truth(FILES[name]).items():
        assert comparable(place.read(stream)) == comparable(rows)


def test_the_files_are_there() -> None:
    assert len(FILES) > 40
    assert FILES.keys() > REFUSED.keys()
