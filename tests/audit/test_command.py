"""The command: what it looks at, and what is wrong with its arguments."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.audit import command, warehouses
from tap_eventexport.sandbox.server import Fault, Response
from tests.audit.command import Audit
from tests.conftest import CROCT_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.server import Sandbox

PASSWORD = "a-password/of the tests"  # noqa: S105
ADDRESS = "postgresql://user:a-password%2Fof%20the%20tests@127.0.0.1:1/db?sslkey=of-the-query"


@pytest.fixture
def audit(tmp_path: Path, settings: dict[str, Any]) -> Audit:
    """Over an empty folder."""
    folder = tmp_path / "output"
    folder.mkdir()
    return Audit(tmp_path, settings, str(folder))


@pytest.fixture
def run(audit: Audit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command in this process: its exit code, and its last line."""

    def run(*arguments: str) -> tuple[Any, str]:
        monkeypatch.setattr(command, "listen", lambda: None)
        monkeypatch.setattr(sys, "argv", audit.command(*arguments))
        with pytest.raises(SystemExit) as ended:
            command.main()
        lines = capsys.readouterr().err.splitlines()
        return ended.value.code, lines[-1] if lines else ""

    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--start", "2026-03-05"], "expected a start before the end"),
        (["--stream", "croct"], "--stream: got croct, expected one of croct_events"),
        (["--config", "nowhere.json"], "--config: there is no file nowhere.json"),
        (["--start", "2099-01-01", "--end", "2099-01-02"], "there is nothing to look at"),
        (["--repair", ""], "--repair: expected a command"),
        (["--warehouse", "nowhere"], "--warehouse: there is no folder nowhere"),
        (
            ["--warehouse", "duckdb:///nowhere.duckdb"],
            "--warehouse: there is no file nowhere.duckdb",
        ),
        (["--warehouse", "s3://bucket/prefix"], "copy them to a folder"),
        (["--warehouse", "ENV"], "--warehouse=ENV: EVENTEXPORT_WAREHOUSE is not set"),
        (["--warehouse", "://"], "--warehouse: expected an address such as postgresql://"),
        (["--warehouse", "snowflake://any"], "pip install snowflake-sqlalchemy"),
        (["--warehouse", "bigquery://any"], "pip install sqlalchemy-bigquery"),
        (["--warehouse", "redshift://any"], "pip install sqlalchemy-redshift"),
        (["--warehouse", "mysql://any"], "pip install mysqlclient"),
        (["--warehouse", "ibm_db_sa://any"], "install its dialect of SQLAlchemy"),
        (["--warehouse", ADDRESS], "check --warehouse"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(
    run: Any, arguments: list[str], expected: str
) -> None:
    code, line = run(*arguments)
    assert code == 2
    assert expected in line
    assert PASSWORD not in line
    assert "of-the-query" not in line


def test_settings_that_are_wrong_are_named(audit: Audit, run: Any) -> None:
    audit.settings["concurrency"] = "many"
    code, line = run()
    assert code == 2
    assert line.startswith("concurrency: got")


@pytest.mark.parametrize(
    ("module", "arguments", "expected"),
    [
        ("psycopg", ["--warehouse", "postgresql://any"], "pip install 'tap-eventexport[audit]'"),
        ("duckdb", [], "files are read by DuckDB: pip install 'tap-eventexport[audit]'"),
        ("distributed", ["--repair", "cat"], "--repair needs distributed: pip install"),
    ],
)
def test_without_an_extra_it_says_what_to_install(
    run: Any, monkeypatch: pytest.MonkeyPatch, module: str, arguments: list[str], expected: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    code, line = run(*arguments)
    assert code == 2
    assert expected in line


def test_the_address_may_come_from_the_environment(audit: Audit) -> None:
    folder, audit.warehouse = audit.warehouse, "ENV"
    told = audit.run("--format", "json", "--stream", "croct_events", EVENTEXPORT_WAREHOUSE=folder)
    assert told.code == 1
    assert {counts["missing"] for counts in told.days.values()} == {240}


def test_it_looks_up_to_a_settled_instant_and_says_which(audit: Audit, sandbox: Sandbox) -> None:
    """What the next runs read again is theirs: six hours of Croct, or what is set."""
    audit.settings["lookback_minutes"] = 120
    now = datetime.now(UTC)
    start, end = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat()
    audit.span = ("--start", start, "--end", end)
    told = audit.run("--format", "json", "--stream", "croct_events")
    (line,) = [line for line in told.log.splitlines() if "its settled instant" in line]
    settled = datetime.fromisoformat(line.partition(" to ")[2].partition(",")[0])
    assert timedelta(0) <= settled - (now - timedelta(minutes=120)) < timedelta(minutes=1)
    assert max(day for _, day in told.days) == str(settled.date())
    assert sandbox.requests


def test_a_vendor_that_can_not_be_read_is_told_and_the_others_compared(
    tmp_path: Path, all_settings: dict[str, Any], sandbox: Sandbox
) -> None:
    folder = tmp_path / "output"
    folder.mkdir()
    audit = Audit(tmp_path, all_settings, str(folder))
    refusal = Response(401, b'{"title": "no"}')
    sandbox.faults.append(Fault("answer", path="/export", times=99, response=refusal))
    told = audit.run("--format", "json")
    assert told.code == 2
    assert "not compared, since the vendor could not be read, see above: croct_events" in told.log
    assert {stream for stream, _ in told.days} == {
        "happytalk_service_history",
        "happytalk_siem_events",
        "ncp_apigateway_events",
    }
    assert CROCT_KEY not in told.log


def test_what_a_vendor_no_longer_keeps_is_named_with_both_dates(audit: Audit) -> None:
    audit.settings |= {"dfinery_api_token": "any", "dfinery_service_id": "any"}
    told = audit.run("--stream", "dfinery_events")
    assert told.code == 2
    assert (
        "dfinery_events: events from 2026-03-01T00:00:00.000Z to 2026-03-04T00:00:00.000Z are no "
        "longer kept by the vendor and can't be read: of these, what the store lacks is lost"
    ) in told.log


def test_a_stream_map_decides_the_names_of_table_and_columns(audit: Audit) -> None:
    audit.settings["stream_maps"] = {"croct_events": {"__alias__": "web", "userId": None}}
    record = {"id": "unknown", "timestamp": "2026-03-01T00:00:00Z", "sessionId": "any"}
    with open(f"{audit.warehouse}/web.jsonl", "w") as file:  # noqa: PTH123
        file.write(json.dumps(record) + "\n")
    told = audit.run("--format", "json", "--content")
    assert told.different["web", "2026-03-01"] == {"missing": 240, "gone": 1}


def test_a_result_that_nobody_can_read_is_none(audit: Audit) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            audit.command(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.endswith("stdout can't be written: No space left on device\n")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_its_tap(
    audit: Audit, sandbox: Sandbox, sent: signal.Signals, code: int
) -> None:
    sandbox.faults.append(Fault("silence", seconds=3600))
    process = subprocess.Popen(audit.command(), stderr=subprocess.PIPE, text=True)
    while not sandbox.requests:
        assert process.poll() is None
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said


def test_the_password_is_in_no_address_that_is_shown() -> None:
    parsed = warehouses.parsed(ADDRESS)
    assert parsed
    assert parsed.password == PASSWORD
    assert "password" not in parsed.render_as_string()
