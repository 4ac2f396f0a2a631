"""What headers say about the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tap_eventexport.engine.http.headers import clock_difference, sent_at


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=9), timedelta(days=-3)])
def test_how_far_this_clock_is_ahead_is_told_by_the_date(ahead: timedelta) -> None:
    date = format_datetime(datetime.now(UTC) - ahead, usegmt=True)
    told = clock_difference({"Date": date})
    assert ahead <= told < ahead + timedelta(minutes=1)


@pytest.mark.parametrize("date", ["", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    assert sent_at({"Date": date}) is None
    assert clock_difference({"Date": date}) == timedelta(0)
