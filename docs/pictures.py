"""Makes the pictures in the README from a run of the tap and of the demo.

docs/live-table.svg is one frame of the table that the tap shows at a terminal while it loads the
sandbox's events into target-jsonl. docs/report.png is the page that the demo makes at its end, in
Chromium. Every figure is of such a run, so that a picture changes whenever it is made.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
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

DAYS = 14
PER_DAY = 3_000  # events of each stream
LATENCY = 0.1  # seconds that each answer takes, as over a network
COLUMNS = 100  # of the terminal
COMMAND = "tap-eventexport --config=ENV | target-jsonl"

REDRAW = re.compile(r"\x1b\[1A\x1b\[2K")  # one line up, and clear it
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")  # all control sequences but colours
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TABLE = re.compile(r"^[^\n]*records/s.*", re.MULTILINE | re.DOTALL)
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = "1120,860"  # pixels


def live_table(programs: Path, target: Path) -> str:
    """A frame in the middle of a load, as SVG."""
    running = [frame for frame in frames(_load(programs, target)) if is_running(frame)]
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


def _load(programs: Path, target: Path) -> str:
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
        path = f"{programs}:{target}:{os.environ['PATH']}"
        own |= {"PATH": path, "TERM": "xterm-256color", "NO_PROXY": "127.0.0.1"}
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


def report(page: Path) -> None:
    """Take a picture of a report's first screen."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"None of {', '.join(BROWSERS)} is installed.")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--virtual-time-budget=20000", f"--window-size={WINDOW}"),
            *(f"--screenshot={REPORT}", page.absolute().as_uri()),
        ]
        subprocess.run(command, capture_output=True, check=True)  # noqa: S603


def main() -> None:
    """Make both."""
    parser = argparse.ArgumentParser(prog="bin/pictures", description=__doc__)
    for name in ("programs", "target", "page"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    LIVE_TABLE.write_text(live_table(options.programs.absolute(), options.target.absolute()))
    report(options.page)


if __name__ == "__main__":
    main()
