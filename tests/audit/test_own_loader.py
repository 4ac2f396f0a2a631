"""What target-eventexport loaded, wherever it loads to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit.command import Audit, none_missing

if TYPE_CHECKING:
    from tests.postgres import Postgres

TARGET = Path(sys.executable).with_name("target-eventexport")


def loaded(folder: Path, settings: dict[str, Any], destination: str, **loader: Any) -> Audit:
    """A warehouse with everything in it, and the command to audit it."""
    config = folder / "loader.json"
    config.write_text(json.dumps({"destination": destination, **loader}))
    audit = Audit(folder, settings, destination)
    audit.load(f"{TARGET} --config {config}")
    return audit


def test_postgresql(tmp_path: Path, server: Postgres, all_settings: dict[str, Any]) -> None:
    address = f"postgresql://postgres:any@127.0.0.1:{server.port}/postgres"
    audit = loaded(tmp_path, all_settings, address, schema="events")
    told = audit.run("--schema", "events", "--format", "json", "--content")
    assert (told.code, told.different) == (0, {})
    assert none_missing(told.days.values())
    server.ask("delete from events.croct_events where \"timestamp\" < '2026-03-01T00:30:00Z'")
    told = audit.run("--schema", "events", "--format", "json", "--stream", "croct_events")
    assert told.different == {("croct_events", "2026-03-01"): {"missing": 5}}


@pytest.mark.parametrize("place", ["duckdb:///{}/events.duckdb", "parquet:///{}/events"])
def test_files(tmp_path: Path, all_settings: dict[str, Any], place: str) -> None:
    address = place.format(tmp_path)
    audit = loaded(tmp_path, all_settings, address)
    told = audit.run("--format", "json", "--content")
    assert (told.code, told.different) == (0, {})
    assert none_missing(told.days.values())
