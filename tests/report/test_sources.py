from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.sources import LONGEST_LINE, find, lines

if TYPE_CHECKING:
    from pathlib import Path

STREAMS = ("croct_events", "dfinery_events")


def made(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_a_folder_is_searched_with_all_below_it(tmp_path: Path) -> None:
    croct = tmp_path / "output/croct_events.jsonl"
    timed = tmp_path / "output/croct_events-20260304T000000.jsonl"
    log = tmp_path / "logs/elt/one/elt.log"
    made(croct, timed, log, tmp_path / "state.json", tmp_path / "orders.jsonl")
    found = find([tmp_path], STREAMS)
    assert {name: set(files) for name, files in found.events.items()} == {
        "croct_events": {croct, timed}
    }
    assert found.logs == [log]


def test_a_file_by_itself_is_a_log_whatever_its_name(tmp_path: Path) -> None:
    made(tmp_path / "stderr.txt")
    assert find([tmp_path / "stderr.txt"], STREAMS).logs == [tmp_path / "stderr.txt"]


def test_what_is_given_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "croct_events.jsonl"
    made(file)
    found = find([tmp_path, file, tmp_path / ".." / tmp_path.name], STREAMS)
    assert len(found.events["croct_events"]) == 1


def test_the_log_that_was_written_last_is_the_last(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("b.log", "a.log", "c.log")]
    made(*logs)
    for time, log in enumerate(logs):
        os.utime(log, (time, time))
    assert find([tmp_path], STREAMS).logs == logs


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no such file"):
        find([tmp_path / "nowhere"], STREAMS)


def test_a_file_of_events_of_no_stream_is_an_error_where_it_was_asked_for(tmp_path: Path) -> None:
    made(tmp_path / "orders.jsonl")
    with pytest.raises(ReportError, match=r"orders\.jsonl: .*croct_events\.jsonl"):
        find([tmp_path / "orders.jsonl"], STREAMS)


def test_a_line_without_end_comes_in_parts(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * (LONGEST_LINE + 1) + b"\n\xff\xfe\n")
    assert [len(line) for line in lines(log)] == [LONGEST_LINE, 2, 3]
