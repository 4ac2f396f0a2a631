"""What a person sees at a terminal, and that nobody else does."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from tap_eventexport.console import live_table as display
from tap_eventexport.engine.shutdown import Shutdown
from tap_eventexport.engine.singer.messages import MessageWriter
from tap_eventexport.engine.sync import StreamSync
from tap_eventexport.tap import TapEventExport
from tests.singer import Heard, Tap

if TYPE_CHECKING:
    from pathlib import Path


NOW = 1_772_366_700.0  # seconds since 1970
LATER = time.strftime("%H:%M:%S", time.localtime(NOW + 7200))
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def seen(command: list[str], columns: int, **environment: str) -> tuple[str, bytes]:
    """Run a command at a terminal of a width: what it shows there, and its stdout."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(terminal, 4096):
                shown.append(data)
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=end,
        env={**os.environ, "TERM": "xterm", **environment},
        timeout=60,
        check=True,
    )
    os.close(end)
    reader.join()
    os.close(terminal)
    return b"".join(shown).decode(), done.stdout


def test_a_terminal_shows_how_far_each_stream_is(
    tmp_path: Path, settings: dict[str, Any], truth: list[str]
) -> None:
    shown, stdout = seen(Tap(tmp_path, **settings).arguments(), columns=150)
    heard = Heard()
    for line in stdout.decode().splitlines():
        heard.hear(line)
    assert set(heard.keys()) == set(truth)
    live, _, summary = CONTROL.sub("", shown).rpartition("bookmark")
    assert re.search(r"stream +windows +records +records/s", live)
    assert re.search(r"croct_events +━+╸?╺?━* +\d/\d", live)
    assert "INFO" in live  # the log goes on above it
    assert re.search(rf"croct_events .* {len(heard.keys()):,} .* complete", summary)
    assert settings["croct_api_key"] not in shown


def test_a_narrow_terminal_loses_nothing_of_the_summary(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    shown, _ = seen(Tap(tmp_path, **settings).arguments(), columns=60)
    assert re.search(r"croct_events .* 2026-03-01T00:00:00Z .* complete", CONTROL.sub("", shown))


def test_nothing_is_drawn_where_another_log_is_configured(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    configuration = tmp_path / "logging.yaml"
    configuration.write_text("{version: 1, disable_existing_loggers: false}")
    command = Tap(tmp_path, **settings).arguments()
    shown, _ = seen(command, columns=150, SINGER_SDK_LOG_CONFIG=str(configuration))
    assert not CONTROL.search(shown)
    assert "INFO" in shown


def test_nothing_is_drawn_into_a_file(tmp_path: Path, settings: dict[str, Any]) -> None:
    done = Tap(tmp_path, **settings).run()
    assert not CONTROL.search(done.log)
    assert "bookmark" in done.log


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        pytest.param(0.0, "reads", id="no"),
        pytest.param(0.5, "reads", id="for a moment"),
        pytest.param(7200.0, f"waits for Croct until {LATER}", id="for a quota"),
    ],
)
def test_a_long_wait_is_told_with_its_end(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, waits: float, told: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    stream, *_ = TapEventExport(config=settings)._event_streams  # noqa: SLF001
    sync = StreamSync(stream, MessageWriter(Shutdown()))
    stream.client.usage.paused(waits)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(display._table([sync]))  # noqa: SLF001
    assert told in captured.get()
