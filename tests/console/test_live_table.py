"""What a person sees at a terminal, and that nobody else does."""

from __future__ import annotations

import json
import logging
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from tap_eventexport.console.live_table import table
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.progress import Progress
from tap_eventexport.engine.runner import StreamRun
from tap_eventexport.sandbox.server import Fault
from tap_eventexport.tap import TapEventExport
from tests.console.terminal import COLOUR, seen, terminal
from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.server import Sandbox

WIDTHS = [60, 80, 100, 120, 160]
NOW = 1_772_366_700.0  # seconds since 1970
LATER = time.strftime("%H:%M:%S", time.localtime(NOW + 7200))
BAR = "[#.]{10,20}"
REFUSED = "Croct가 키를 거부했습니다 (HTTP 401): check croct_api_key; " + "가나다라 " * 20


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    monkeypatch.setattr(time, "time", lambda: NOW)
    return made


@pytest.fixture
def runs(all_settings: dict[str, Any], clock: Clock) -> list[StreamRun]:
    """Half a minute of a run: streams that are complete, have failed, read and wait."""
    streams = TapEventExport(config=all_settings)._selected_streams  # noqa: SLF001
    croct, sessions, history, siem, ncp = [
        StreamRun(stream, Progress(stream.name, logging.getLogger(), windows=10), None)
        for stream in streams
    ]
    for run in (croct, history, siem, ncp):
        run.progress.records = 1_234
        run.progress.complete = 4
    clock.seconds += 30
    history.progress.complete = 10
    history.progress.end()
    for run in (croct, sessions):
        run.progress.end(FatalVendorError(REFUSED))
    ncp.stream.client.usage.paused(7200)
    return [croct, sessions, history, siem, ncp]


def drawn(runs: list[StreamRun], width: int, seconds: float = 30.0) -> list[str]:
    """The lines of the table at a terminal of a width, without colours."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table(runs, seconds, width))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
def test_each_stream_has_a_line_and_each_reason_is_whole(runs: list[StreamRun], width: int) -> None:
    heading, croct, sessions, history, siem, ncp, total, *reasons = drawn(runs, width)
    assert all(cell_len(line) <= width for line in drawn(runs, width))
    assert heading.startswith("stream ")
    bar, left = (BAR, " 0:45 ") if width >= 80 else ("", "")
    assert re.fullmatch(rf"croct_events +{bar} .*1,234 .*failed", croct)
    assert re.fullmatch(rf"croct_sessions +{bar.replace('#', '')} .* failed", sessions)
    assert re.fullmatch(rf"happytalk_service_history +{bar.replace('.', '')} .* complete", history)
    assert re.fullmatch(rf"happytalk_siem_events +{bar} .*{left} +reads", siem)
    assert ncp.endswith(f"  waits until {LATER}")
    assert re.fullmatch(rf"total +{bar} .*4,936 .*0:30 elapsed", total)
    assert "".join(reasons).replace(" ", "") == (
        f"croct_events, croct_sessions failed: {REFUSED}".replace(" ", "")
    )


def test_a_wider_terminal_shows_windows_and_speed(runs: list[StreamRun]) -> None:
    assert [len(drawn(runs, width)[0].split()) for width in WIDTHS] == [2, 3, 5, 5, 5]
    heading, croct, *_, total = drawn(runs, 160)[:7]
    assert heading.split() == ["stream", "windows", "records", "records/s", "left"]
    assert croct.split()[2:] == ["4/10", "1,234", "41", "failed"]
    assert total.split()[2:] == ["22/50", "4,936", "165", "2:00:00", "0:30", "elapsed"]


def test_the_time_left_is_told_only_where_it_is_known(runs: list[StreamRun], clock: Clock) -> None:
    siem = runs[3]
    assert drawn([siem], 100)[1].endswith(" 0:45  reads")
    clock.seconds += 3600
    assert drawn([siem], 100)[1].endswith(" 1:30:45  reads")
    siem.progress.complete = 0
    assert drawn([siem], 100)[1].split()[-2:] == ["0", "reads"]
    assert drawn(runs, 100)[6].split()[-2:] == ["0:30", "elapsed"]
    assert "2:00:00" not in drawn(runs, 100)[6]


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        pytest.param(0.0, "reads", id="no"),
        pytest.param(0.5, "reads", id="for a moment"),
        pytest.param(7200.0, f"waits until {LATER}", id="for a quota"),
    ],
)
def test_a_long_wait_is_told_with_its_end(runs: list[StreamRun], waits: float, told: str) -> None:
    siem = runs[3]
    siem.stream.client.usage.paused(waits)
    assert drawn([siem], 100)[1].endswith(f"  {told}")


def test_a_stream_without_windows_is_complete(runs: list[StreamRun]) -> None:
    none = StreamRun(runs[0].stream, Progress("croct_events", logging.getLogger(), 0), None)
    assert "." * 10 in drawn([none], 80)[1]
    none.progress.end()
    assert re.fullmatch(r"croct_events +#{10} +0 +complete", drawn([none], 80)[1])


def test_a_terminal_shows_how_far_each_stream_is(
    tmp_path: Path, settings: dict[str, Any], truth: list[str]
) -> None:
    command = Tap(tmp_path, **settings).arguments("--config=ENV")
    shown, stdout = seen(command, 150, TAP_EVENTEXPORT_CONCURENCY="2")
    heard = Heard()
    for line in stdout.splitlines():
        heard.hear(line)
    assert set(heard.keys()) == set(truth)
    live, _, summary = shown.text.rpartition("bookmark")
    assert re.search(r"stream +windows +records +records/s +left", live)
    assert re.search(rf"croct_events +{BAR} +\d/\d", live)
    assert re.search(rf"total +{BAR} +\d/\d .*elapsed", live)
    assert re.search(rf"croct_events .* {len(heard.keys()):,} ", summary)
    (log,) = re.findall(r"^\d\d:\d\d:\d\d .*", shown.text, re.MULTILINE)
    assert log.startswith(f"{log[:8]} WARNING TAP_EVENTEXPORT_CONCURENCY: unknown")
    assert settings["croct_api_key"] not in shown.text


def test_with_colour_or_without_a_full_cell_is_another_sign(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    command = Tap(tmp_path, **settings).arguments()
    coloured, _ = seen(command, 100, TERM="xterm-256color")
    plain, _ = seen(command, 100, TERM="xterm-256color", NO_COLOR="1")
    assert not COLOUR.search(plain.raw)
    assert COLOUR.search(coloured.raw)
    for shown in (coloured, plain):
        assert re.search(r"croct_events +[#.]{10} ", shown.text)


def test_a_failed_stream_is_told_when_it_fails_and_after_ctrl_c(
    tmp_path: Path, all_settings: dict[str, Any], sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault("silence", times=100, seconds=30, path="/customer"))
    tap = Tap(tmp_path, **{**all_settings, "croct_api_key": "another-key"})
    with terminal(tap.arguments(), 80) as shown:
        shown.wait_for(
            r"croct_events +\.{10} +0 +failed *\n(?:.*\n)+"
            r"total .*elapsed *\ncroct_events, croct_sessions failed: Croct refused"
        )
        shown.process.send_signal(signal.SIGINT)
        stdout, _ = shown.process.communicate(timeout=10)
    assert shown.process.returncode == 130
    assert json.loads(stdout.splitlines()[-1])["type"] == "STATE"
    before, _, summary = shown.text.rpartition(" to 2026-03-04 00:00:00 UTC")
    logged = re.findall(r"\d\d:\d\d:\d\d ERROR +(\w+) failed: Croct refused", before)
    assert sorted(logged) == ["croct_events", "croct_sessions"]
    assert re.search(r"croct_events +failed ", summary)
    assert re.search(r"happytalk_siem_events +stopped ", summary)
    assert re.search(r"total +2 failed ", summary)
    words = " ".join(summary.split())
    assert "croct_events, croct_sessions failed: Croct refused the key" in words
    assert words.endswith("stopped by a signal; the next run resumes from the last STATE")
    assert "another-key" not in shown.raw


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_the_summary_fits_the_terminal(
    tmp_path: Path, settings: dict[str, Any], columns: int
) -> None:
    shown, _ = seen(Tap(tmp_path, **settings).arguments(), columns)
    _, _, summary = shown.text.rpartition("from 2026-03-01 00:00:00 to 2026-03-04 00:00:00 UTC")
    assert all(len(line) <= columns for line in summary.splitlines())
    assert re.search(r"croct_events +complete ", summary)
    assert re.search(r"total +complete ", summary)
    assert "2026-03-04 00:00:00" in summary


def test_a_log_that_is_written_to_a_file_leaves_the_terminal_to_the_tables(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    log, configuration = tmp_path / "tap.log", tmp_path / "logging.yaml"
    handler = {"class": "logging.FileHandler", "filename": str(log)}
    root = {"level": "INFO", "handlers": ["file"]}
    configuration.write_text(
        json.dumps({"version": 1, "handlers": {"file": handler}, "root": root})
    )
    command = Tap(tmp_path, **settings).arguments()
    shown, _ = seen(command, 100, SINGER_SDK_LOG_CONFIG=str(configuration))
    assert re.search(rf"croct_events +{BAR} +\d/\d", shown.text)
    assert re.search(r"total +complete ", shown.text)
    assert "METRIC" not in shown.text
    assert all(word in log.read_text() for word in ("METRIC", "windows complete", "bookmark"))


def test_nothing_is_drawn_where_another_log_is_configured(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    configuration = tmp_path / "logging.yaml"
    configuration.write_text("{version: 1, disable_existing_loggers: false}")
    command = Tap(tmp_path, **settings).arguments()
    shown, _ = seen(command, 150, SINGER_SDK_LOG_CONFIG=str(configuration))
    assert shown.text.replace("\n", "\r\n") == shown.raw
    assert "METRIC" in shown.text


def test_a_terminal_that_cannot_redraw_gets_lines(tmp_path: Path, settings: dict[str, Any]) -> None:
    shown, _ = seen(Tap(tmp_path, **settings).arguments(), 100, TERM="dumb")
    assert shown.text.replace("\n", "\r\n") == shown.raw
    assert "croct_events: 720 records in" in shown.text
    assert re.search(r"total +complete ", shown.text)
    assert "METRIC" not in shown.text


def test_a_log_that_tells_everything_is_as_it_is_in_a_file(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    shown, _ = seen(Tap(tmp_path, **settings).arguments(), 150, LOGLEVEL="DEBUG")
    assert "| INFO     | singer_sdk.metrics" in shown.text


def test_nothing_is_drawn_into_a_file(tmp_path: Path, settings: dict[str, Any]) -> None:
    log = Tap(tmp_path, **settings).run().log
    assert "\x1b" not in log
    assert "bookmark" in log
    assert "METRIC" in log
