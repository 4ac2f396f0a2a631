"""Reads the headers of a response about waiting and about the server's clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WAIT_HEADERS = ("Retry-After", "X-Rate-Limit-Reset", "X-RateLimit-Reset")
LONGEST_WAIT = 366 * 24 * 3600.0  # seconds; a longer wait is a mistake
REMAINING_HEADERS = ("X-Rate-Limit-Remaining", "X-RateLimit-Remaining")
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)  # a clock that was never set shows an older time
FIRST_EPOCH = 1e9  # a reset from here on is a time since 1970, a smaller one seconds from now
FIRST_EPOCH_MILLISECONDS = 1e12


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response asks to wait; None if it doesn't say.

    `Retry-After` and the reset headers hold seconds from now, or a time in seconds or milliseconds
    since 1970, or a date. Times are compared with the response's own Date, so that a wrong clock on
    this machine does no harm.
    """
    sent = sent_at(headers) or datetime.now(UTC)
    waits = (_wait(headers.get(name, "").strip(), sent) for name in WAIT_HEADERS)
    seconds = next((wait for wait in waits if wait is not None), None)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_WAIT)


def _wait(value: str, sent: datetime) -> float | None:
    number = _number(value)
    if number is None:
        until = _date(value)
        return (until - sent).total_seconds() if until else None
    if number < FIRST_EPOCH:
        return number
    scale = 1000 if number >= FIRST_EPOCH_MILLISECONDS else 1
    return number / scale - sent.timestamp()


def rate_limit_remaining(headers: Mapping[str, str]) -> float | None:
    """Return how many requests are still allowed; None if the response doesn't say."""
    counts = (_number(headers.get(name, "")) for name in REMAINING_HEADERS)
    return next((count for count in counts if count is not None), None)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def sent_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's time of the response, in whole seconds; None without a plausible one."""
    sent = _date(headers.get("Date", ""))
    return sent if sent and sent >= EARLIEST else None


def clock_difference(headers: Mapping[str, str]) -> timedelta:
    """Return how far this machine's clock is ahead of the server's; zero if there is no Date."""
    sent = sent_at(headers)
    return datetime.now(UTC) - sent if sent else timedelta(0)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
