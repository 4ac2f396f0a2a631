"""The page in a real browser, which has no network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.report.test_command import REPORT, run
from tests.report.test_runs import CROCT, DFINERY, HEADING

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Addresses(HTMLParser):
    """Collects what elements load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        names = {"src", "href", "xlink:href", "data", "action", "poster"}
        self.found += [value or "" for name, value in attributes if name in names]


@pytest.fixture
def browser(tmp_path: Path) -> list[str]:
    """Opens a page, prints its elements, and its console to stderr."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:  # a system's package, which no environment of Python can bring
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return [
        *(found, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-background-networking", "--enable-logging=stderr"),
        *(f"--user-data-dir={tmp_path / 'browser'}", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *("--virtual-time-budget=20000", "--dump-dom"),
    ]


def written(folder: Path) -> str:
    """A page of two streams with a gap, and of a run that failed; its address."""
    days = {"2026-03-01": 1_234, "2026-03-02": 5, "2026-03-05": 7}
    keys = ("df_event_detail_log_id", "df_event_datetime", "df_server_datetime")
    croct, dfinery = [], []
    for day, number in days.items():
        time = f"{day}T12:00:00Z"
        croct += [{"id": f"{day}-{one}", "timestamp": time} for one in range(number)]
        dfinery += [dict(zip(keys, (f"{day}-{one}", time, time), strict=True)) for one in range(3)]
    for name, records in (("croct_events", croct), ("dfinery_events", dfinery)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines)
    (folder / "tap.log").write_text(f"{HEADING}\n{CROCT}\n{DFINERY}")
    done = run(*REPORT, ".", folder=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "report.html").as_uri()


def test_the_page_is_drawn_without_any_network(browser: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*browser, written(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert "CONSOLE" not in done.stderr  # where a request that the page's policy forbids is told
    drawn = re.findall(r"<text[^>]*>(.*?)</text>", done.stdout, re.DOTALL)
    texts = [re.sub("<.*?>", "", text) for text in drawn]
    assert "1.23k" in texts
    assert {"5", "7", "Mon", "Sun"} <= set(texts)
    assert texts.count("×") == 2 * 2  # noqa: RUF001 - two days of each stream
    assert "9 (100.0%)" in texts
    assert "× failed" in done.stdout  # noqa: RUF001
    addresses = Addresses()
    addresses.feed(done.stdout)
    assert [address for address in addresses.found if not address.startswith(("data:", "#"))] == []
