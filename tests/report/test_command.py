from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from tests.report.test_runs import CROCT, HEADING

if TYPE_CHECKING:
    from pathlib import Path


REPORT = (sys.executable, "-m", "tap_eventexport.report")


def run(*command: str | Path, folder: Path, **own: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **own},
    )


def test_a_folder_becomes_a_page(tmp_path: Path) -> None:
    record = {"id": "1", "timestamp": "2026-03-01T00:00:00Z"}
    (tmp_path / "croct_events.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "tap.log").write_text(f"{HEADING}\n{CROCT}\n")
    done = run(*REPORT, ".", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "report.html\n")
    assert done.stderr == "Found croct_events (1 file), 1 run in 1 log\n"
    assert "1,720" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("zone", "chosen", "day"),
    [("Asia/Seoul", (), "2026-03-02"), ("Asia/Seoul", ("--timezone=UTC",), "2026-03-01")],
)
def test_days_are_in_the_zone_of_the_machine_or_a_chosen_one(
    tmp_path: Path, zone: str, chosen: tuple[str, ...], day: str
) -> None:
    record = {"id": "1", "timestamp": "2026-03-01T15:00:00Z"}
    (tmp_path / "croct_events.jsonl").write_text(json.dumps(record) + "\n")
    done = run(*REPORT, ".", *chosen, folder=tmp_path, TZ=zone)
    assert done.returncode == 0, done.stderr
    assert f"1 event on 1 day, {day}." in (tmp_path / "report.html").read_text()


def test_a_machine_whose_zone_has_no_name_takes_utc_and_says_so(tmp_path: Path) -> None:
    zone = tmp_path / "localtime"
    zone.write_bytes(resources.files("tzdata.zoneinfo.Asia").joinpath("Seoul").read_bytes())
    (tmp_path / "tap.log").write_text(f"{HEADING}\n{CROCT}\n")
    done = run(*REPORT, ".", folder=tmp_path, TZ=str(zone))
    assert done.returncode == 0, done.stderr
    assert "so days are in UTC; --timezone chooses another" in done.stderr
    assert "Days are in the time zone UTC." in (tmp_path / "report.html").read_text()


def test_a_misspelt_zone_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    done = run(*REPORT, "nowhere", "--timezone", "Asia/Soul", folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("did you mean Asia/Seoul?")


def test_an_audit_is_a_part_of_the_page(tmp_path: Path) -> None:
    counts = dict.fromkeys(("vendor", "store", "missing", "doubled", "changed", "gone"), 1720)
    day = {"stream": "croct_events", "day": "2026-03-01", **counts}
    (tmp_path / "audit-of-monday.json").write_text(json.dumps([day]))
    assert run(*REPORT, ".", folder=tmp_path).returncode == 0
    assert "1,720" in (tmp_path / "report.html").read_text()
    (tmp_path / "audit-of-monday.json").write_text('[{"stream": "croct_events"}]')
    done = run(*REPORT, ".", folder=tmp_path)
    assert done.returncode == 1
    assert "expected what tap-eventexport-audit --format json prints" in done.stderr


def test_nothing_found_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    done = run(*REPORT, ".", folder=tmp_path)
    assert done.returncode == 1
    assert "give the folder that the loader writes to" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "report.html").exists()


def test_a_page_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tap.log").write_text(f"{HEADING}\n{CROCT}\n")
    done = run(*REPORT, ".", "--output", "nowhere/report.html", folder=tmp_path)
    assert done.returncode == 1
    assert "nowhere/report.html" in done.stderr.splitlines()[-1]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    without = "import sys; sys.modules[{!r}] = None; import tap_eventexport.report.__main__"
    for name in ("duckdb", "jinja2"):
        done = run(sys.executable, "-c", without.format(name), ".", folder=tmp_path)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert name in line
        assert line.endswith("pip install 'tap-eventexport[report]'")


def test_the_tap_imports_nothing_of_it(tmp_path: Path) -> None:
    code = "import sys, tap_eventexport.tap; print(*sys.modules)"
    imported = run(sys.executable, "-c", code, folder=tmp_path).stdout.split()
    assert "tap_eventexport.tap" in imported
    parts = ("tap_eventexport.report", "tap_eventexport.sandbox", "duckdb", "jinja2")
    assert not [name for name in imported if name.startswith(parts)]
