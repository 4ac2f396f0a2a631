"""What is wrong about the settings is told in one round, before anything is loaded."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport import checks
from target_eventexport.environment import PREFIX, from_environment
from target_eventexport.target import TargetEventExport
from tests.target.loading import SCHEMA as TABLE
from tests.target.loading import record, state
from tests.target.running import run

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = deepcopy(TargetEventExport.config_jsonschema)
TargetEventExport.append_builtin_config(SCHEMA)
DUCKDB = "duckdb:///a.duckdb"
ADDRESS = (
    "destination: expected postgresql://user:password@host/database, duckdb:///events.duckdb, "
    "parquet:///folder or s3://bucket/prefix"
)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("batch_rows", 0, "batch_rows: got 0, expected a whole number from 1 to 1000000"),
        ("batch_rows", "many", 'batch_rows: got "many", expected a whole number from 1 to 1000000'),
        ("batch_seconds", -1, "batch_seconds: got -1, expected a number from 0 to 86400"),
        ("hard_delete", "maybe", 'hard_delete: got "maybe", expected true or false'),
        ("schema", 5, "schema: got 5, expected a text"),
        ("schema", ["한글" * 99], 'schema: got ["' + "한글" * 29 + "..., expected a text"),
        ("stream_maps", [], "stream_maps: got [], expected an object"),
        (
            "stream_map_config",
            "s3cret",
            "stream_map_config: got a value that is not shown, expected an object",
        ),
        (
            "destination",
            ["s3cret"],
            "destination: got a value that is not shown, expected a text",
        ),
        ("destination", "mysql://u:s3cret@host/db", ADDRESS),
        ("destination", "duckdb://a.duckdb", ADDRESS),
        ("destination", "parquet:///", ADDRESS),
    ],
)
def test_what_is_wrong_is_one_line(name: str, value: Any, line: str) -> None:
    assert checks.problems({"destination": DUCKDB, name: value}, SCHEMA) == [line]


def test_settings_that_are_right_get_their_defaults() -> None:
    config: dict[str, Any] = {"destination": DUCKDB, "stream_maps": {"a": {"b": None}}}
    assert checks.problems(config, SCHEMA) == []
    assert (config["batch_rows"], config["hard_delete"]) == (50_000, False)


def test_no_destination_says_which_there_are() -> None:
    (line,) = checks.problems({}, SCHEMA)
    assert line == f"{ADDRESS}; it is not set, nor is TARGET_EVENTEXPORT_DESTINATION"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("batch_row", "batch_row: unknown, so it has no effect; did you mean batch_rows?"),
        ("Batch-Rows", '"Batch-Rows": unknown, so it has no effect; did you mean batch_rows?'),
        ("add_record_metadata", "did you mean metadata_columns?"),
        ("default_target_schema", "did you mean schema?"),
        (f"{PREFIX}DESTINATON", f"did you mean {PREFIX}DESTINATION?"),
        ("TARGET_EVENTEXPRT_BATCH_ROWS", f"did you mean {PREFIX}BATCH_ROWS?"),
        ("zzz", "zzz: unknown, so it has no effect"),
        ("a\nb", '"a\\nb": unknown, so it has no effect'),
        ("q" * 10**6, "unknown, so it has no effect"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, said: str) -> None:
    (line,) = checks.unknown_settings({"destination": DUCKDB, name: "s3cret"}, SCHEMA, PREFIX)
    assert line.endswith(said)
    assert len(line) < 200
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("TARGET_EVENTEXPORT_DESTINATON", True),
        ("target_eventexport_destination", True),
        ("TARGET_EVENTEXPRT_DESTINATION", True),
        ("TARGET_EVENTEXPORT__LOAD_SCHEMA", False),  # Meltano's
        ("TARGET_EVENTEXPORT_LOGLEVEL", False),
        ("TARGET_POSTGRES_DESTINATION", False),
        ("TAP_EVENTEXPORT_START_DATE", False),
    ],
)
def test_a_variable_that_names_no_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, name: str, is_told: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "s3cret")
    assert from_environment(SCHEMA) == ({name: None} if is_told else {})


def test_all_is_told_in_one_round_and_nothing_is_loaded(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"batch_rows": 0, "hard_delete": "maybe", "batch_second": 5}
    done = run("duckdb://a.duckdb", [TABLE, record(id=1, text="a"), state("a")], tmp_path, **wrong)
    assert (done.code, done.stdout) == (1, "")
    lines = [line.split(" | ")[3] for line in done.log.splitlines()]
    assert [line.partition(":")[0] for line in lines] == [
        *("batch_second", "batch_rows", "hard_delete", "destination")
    ]


def test_an_unknown_setting_stops_nobody(tmp_path: Path) -> None:
    done = run(DUCKDB, [TABLE, record(id=1, text="a"), state("a")], tmp_path, batch_row=5)
    assert (done.code, done.states) == (0, ["a"])
    assert "did you mean batch_rows?" in done.complaint
