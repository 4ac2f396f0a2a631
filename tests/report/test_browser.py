"""The page in a real browser, which has no network."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.console.summary import HEADINGS
from tap_eventexport.report.events import Counted
from tap_eventexport.report.page import Report, render
from tap_eventexport.report.runs import Run
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


def shown(browser: list[str], address: str) -> str:
    """The elements of a page after it was drawn."""
    done = subprocess.run(
        [*browser, address], capture_output=True, text=True, check=True, timeout=120
    )
    assert "CONSOLE" not in done.stderr  # where a request that the page's policy forbids is told
    return done.stdout


def test_the_page_is_drawn_without_any_network(browser: list[str], tmp_path: Path) -> None:
    page = shown(browser, written(tmp_path))
    assert page.count("data-told=") == 2 * 5
    assert "× failed" in page  # noqa: RUF001
    addresses = Addresses()
    addresses.feed(page)
    assert [address for address in addresses.found if not address.startswith("#")] == []


SPANS = {"dfinery_events": 14, "croct_events": 61, "infobip_events": 182, "croct_users": 1_000}
MEASURE = """
<body><iframe style="border: 0; width: {width}px; height: 4000px" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument
  const all = (selector) => [...page.querySelectorAll(selector)]
  const box = (element) => element.getBoundingClientRect()
  const style = (element) => page.defaultView.getComputedStyle(element)
  page.querySelectorAll("details").forEach((details) => details.open = true)
  document.body.dataset.measured = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    bars: all(".bars .day").map((day) => box(day.querySelector("i")).height),
    outside: all("[data-told], .label span").filter((each) => box(each).right > {width}).length,
    cells: new Set(all(".calendar i[data-told]").map(box).map(({{x, y}}) => [x, y].join())).size,
    smallest: Math.min(...all("*").map((each) => parseFloat(style(each).fontSize))),
    patterns: all(".today").map((each) => style(each).backgroundImage.split("(")[0]),
  }})
}}</script>
"""


def measured(browser: list[str], folder: Path, page: str, width: int) -> dict[str, Any]:
    """What a browser measures of the page if it is so many pixels wide and told everything."""
    told = page.replace("[data-told]:hover::after", "[data-told]::after")
    assert told != page
    file = folder / "measure.html"
    file.write_text(MEASURE.format(width=width, page=html.escape(told)))
    (found,) = re.findall(r'data-measured="(.*?)"', shown(browser, file.as_uri()))
    result: dict[str, Any] = json.loads(html.unescape(found))
    return result


@pytest.mark.parametrize("width", [480, 800, 1000, 1280])
def test_the_page_is_read_without_scrolling_at_any_width(
    browser: list[str], tmp_path: Path, width: int
) -> None:
    today = date(2026, 3, 6)
    made = datetime(2026, 3, 6, 12, tzinfo=UTC)
    counted = [
        Counted(
            name, {today - timedelta(back): 500 for back in reversed(range(number))}, {"later": 1}
        )
        for name, number in SPANS.items()
    ]
    runs = [Run("2026-03-06 12:00:00", [dict.fromkeys(HEADINGS, "2026-03-06T12:00:00Z")])]
    page = render(Report(made, "UTC", "a file", counted, runs))
    found = measured(browser, tmp_path, page, width)
    assert found["width"] <= width
    assert found["outside"] == 0
    assert found["cells"] == 182 + 1_000
    assert found["smallest"] >= 11
    assert found["patterns"] == ["repeating-linear-gradient"] * 5  # each stream's, and the legend's


def test_bars_are_as_high_as_their_numbers_and_every_event_is_seen(
    browser: list[str], tmp_path: Path
) -> None:
    first = date(2026, 3, 1)
    numbers = {first: 1_000, first + timedelta(1): 500, first + timedelta(3): 1}
    made = datetime(2026, 3, 6, 12, tzinfo=UTC)
    page = render(Report(made, "UTC", "a file", [Counted("croct_events", numbers)], []))
    full, half, gap, one = measured(browser, tmp_path, page, 480)["bars"]
    assert (full, half, gap) == (160, 80, 0)
    assert one == 2
