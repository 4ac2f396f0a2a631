"""Dfinery's days, with whatever CSV a test makes up."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.singer import HURRIED, Run, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW = datetime(2026, 3, 20, 3, 4, 5, 678000, tzinfo=UTC)  # Dfinery keeps 30 days from today
DAY = timedelta(days=1)
MIDNIGHT = NOW.astimezone(ZoneInfo("Asia/Seoul")).replace(hour=0, minute=0, second=0, microsecond=0)
ID, ARRIVAL = "df_event_detail_log_id", "df_server_datetime"
TIME = "2026-03-19 09:00:00"


@dataclass
class Days:
    """Dfinery's last days before today, each with a CSV, and the command that reads them.

    Attributes:
        dfinery: The vendor, for what no CSV is made up.
        sandbox: What was asked.
        tap: The command.
    """

    dfinery: Dfinery
    sandbox: Sandbox
    tap: Tap

    def run(self, *bodies: bytes | Response, arguments: Sequence[str] = (), **options: Any) -> Run:
        """Answer with some bodies, a day each, and read these days; the last one comes forever."""
        for number, body in enumerate(bodies, start=1):
            response = body if isinstance(body, Response) else Response(200, body)
            times = 1 if number < len(bodies) else 99
            self.sandbox.faults.append(Fault("answer", times=times, response=response))
        start = MIDNIGHT - max(1, len(bodies)) * DAY
        done = self.tap.run(*arguments, start_date=start.isoformat(), concurrency=1, **options)
        self.sandbox.faults.clear()
        return done

    def read(self, *bodies: bytes, **options: Any) -> list[dict[str, Any]]:
        """The records that come of some bodies."""
        done = self.run(*bodies, **options)
        assert done.code == 0, done.log
        return done.heard.records.get("dfinery_events", [])


def table(names: Sequence[str], *rows: Sequence[str]) -> bytes:
    """A CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue().encode()


def rows(names: Sequence[str], *values: Sequence[str]) -> bytes:
    """A CSV whose rows have an id and a time before some values."""
    numbered = ([f"{number}:id", TIME, *row] for number, row in enumerate(values, start=1))
    return table([ID, ARRIVAL, *names], *numbered)


@contextmanager
def serving(folder: Path) -> Iterator[Days]:
    """Some days, while the vendor answers."""
    shift = NOW - datetime.now(UTC)
    dfinery = Dfinery(History(24), now=lambda: datetime.now(UTC) + shift, quota=10**6)
    with Sandbox([dfinery]) as sandbox:
        tap = Tap(
            folder,
            shift=shift.total_seconds(),
            pause=HURRIED,
            dfinery_api_token=dfinery.token,
            dfinery_service_id=dfinery.service_id,
            dfinery_api_url=sandbox.url,
            end_date=MIDNIGHT.isoformat(),
        )
        yield Days(dfinery, sandbox, tap)


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    with serving(tmp_path) as days:
        yield days
