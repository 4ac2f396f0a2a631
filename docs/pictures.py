"""Makes the pictures of the documents from a run of the tap, of the demo and of the report.

`table` is docs/live-table.svg: one frame of the table that the tap shows at a terminal while it
loads the sandbox's events. `report` is docs/report.png: the page that the demo makes at its end.
`calendar` is docs/report-calendar.png: a page about some months on a narrow screen. The pages need
Chromium. Every figure is of such a run, so that a picture changes whenever it is made.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tap_eventexport.sandbox.command import settings, vendors
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store

HERE = Path(__file__).parent
LIVE_TABLE = HERE / "live-table.svg"
REPORT = HERE / "report.png"
CALENDAR = HERE / "report-calendar.png"
PROGRAMS = Path(sys.executable).parent

DAYS = 14
PER_DAY = 3_000  # events of each stream
LATENCY = 0.1  # seconds that each answer takes, as over a network
COLUMNS = 100  # of the terminal
COMMAND = "tap-eventexport --config=ENV | target-eventexport"

REDRAW = re.compile(r"\x1b\[1A\x1b\[2K")  # one line up, and clear it
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")  # all control sequences but colours
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TABLE = re.compile(r"^[^\n]*records/s.*", re.MULTILINE | re.DOTALL)
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCREEN, NARROW = (1120, 950), (500, 1080)  # pixels
CALENDAR_DAYS, CALENDAR_GAP = 280, range(100, 104)  # days back from today


def live_table() -> str:
    """A frame in the middle of a load, as SVG."""
    running = [frame for frame in frames(_load()) if is_running(frame)]
    if not running:
        raise SystemExit("No frame has all streams running.")
    return drawn(running[len(running) // 2])


def frames(shown: str) -> list[str]:
    """The table each time that it was drawn, without the lines of the log above it."""
    parts = (OTHER.sub("", part) for part in REDRAW.split(shown))
    found = (TABLE.search(part) for part in parts)
    return [table[0].rstrip() for table in found if table]


def is_running(frame: str) -> bool:
    """Whether all streams have begun, and some are not complete."""
    rows = [line.split() for line in COLOUR.sub("", frame).splitlines()[1:]]
    return all(len(row) > 1 for row in rows) and any(row[-1] == "reads" for row in rows)


def drawn(frame: str) -> str:
    """A frame below the command, as SVG without rich's fonts, which are at a remote address."""
    shown = Text.assemble(f"$ {COMMAND}\n\n", Text.from_ansi(frame))
    width = max(line.cell_len for line in shown.split())
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(shown)
    console.print()  # else the picture cuts the last line's underscores off
    return FONTS.sub("", console.export_svg(title="tap-eventexport"))


def _load() -> str:
    """Load the sandbox's events in a terminal; what is shown there."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=DAYS)
    history = History(PER_DAY, begin=start, end=today)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = stack.enter_context(Store())
        sandbox = stack.enter_context(Sandbox(vendors(history, store), latency=LATENCY))
        chosen = {**settings(sandbox.url, store), "start_date": start.isoformat()}
        own = {f"TAP_EVENTEXPORT_{name.upper()}": value for name, value in chosen.items()}
        own |= {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "TERM": "xterm-256color"}
        own |= {
            "NO_PROXY": "127.0.0.1",
            "TARGET_EVENTEXPORT_DESTINATION": "duckdb:///events.duckdb",
        }
        return _seen(f"{COMMAND} >states.jsonl", Path(folder), own)


def _seen(command: str, folder: Path, environment: dict[str, str]) -> str:
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    running = subprocess.Popen(  # noqa: S603 - the commands of this project
        ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, **environment},
    )
    os.close(end)
    shown: list[bytes] = []
    with suppress(OSError):  # the other end is closed
        while data := os.read(terminal, 1 << 16):
            shown.append(data)
    os.close(terminal)
    text = b"".join(shown).decode()
    if running.wait():
        raise SystemExit(f"The load failed:\n{text[-2000:]}")
    return text


def demo(folder: Path) -> Path:
    """The page that the demo makes."""
    tap, target = PROGRAMS / "tap-eventexport", PROGRAMS / "target-eventexport"
    command = [sys.executable, "-m", "tap_eventexport.sandbox.demo"]
    command += [f"--tap={tap}", f"--target={target}", f"--output={folder}"]
    subprocess.run(command, check=True)  # noqa: S603
    return folder / "report.html"


def months(folder: Path) -> Path:
    """A page about invented events: none on some days."""
    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    times = [
        today - timedelta(days=back, seconds=number)
        for back in range(CALENDAR_DAYS)
        if back not in CALENDAR_GAP
        for number in range(20 + 37 * back % 61)
    ]
    records = (
        {"id": str(number), "timestamp": f"{time:%FT%TZ}"} for number, time in enumerate(times)
    )
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "croct_events.jsonl").write_text(lines)
    page = folder / "report.html"
    command = [sys.executable, "-m", "tap_eventexport.report", str(folder), f"--output={page}"]
    subprocess.run(command, check=True)  # noqa: S603
    return page


def screenshot(browser: str, page: Path, picture: Path, size: tuple[int, int]) -> None:
    """Take a picture of a page's first screen."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--virtual-time-budget=20000", "--window-size={},{}".format(*size)),
            *(f"--screenshot={picture}", page.absolute().as_uri()),
        ]
        subprocess.run(command, capture_output=True, check=True)  # noqa: S603


def main() -> None:
    """Make those that are asked for, or all."""
    parser = argparse.ArgumentParser(
        prog="bin/pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ("table", "report", "calendar")
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME")
    asked = parser.parse_args().names or names
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None and list(asked) != ["table"]:
        raise SystemExit(f"None of {', '.join(BROWSERS)} is installed: bin/pictures table.")
    if "table" in asked:
        LIVE_TABLE.write_text(live_table())
    pages = {"report": (demo, REPORT, SCREEN), "calendar": (months, CALENDAR, NARROW)}
    for name in pages.keys() & set(asked):
        make, picture, size = pages[name]
        with tempfile.TemporaryDirectory() as folder:
            screenshot(str(browser), make(Path(folder)), picture, size)


if __name__ == "__main__":
    main()
