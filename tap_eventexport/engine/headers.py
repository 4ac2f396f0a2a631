"""What an answer's headers say about waiting and about the server's clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RESET_HEADERS = ("X-Rate-Limit-Reset", "X-RateLimit-Reset")
REMAINING_HEADERS = ("X-Rate-Limit-Remaining", "X-RateLimit-Remaining")
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)  # what a clock says before it was ever set is older
FIRST_EPOCH = 1e9  # a reset from here on is a time since 1970, a smaller one seconds from now
FIRST_EPOCH_MILLISECONDS = 1e12


def named_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait; None if it doesn't say.

    `Retry-After` is seconds or a date; the reset headers, however they are spelled, are a time in
    seconds or milliseconds since 1970, or seconds from now. Times are measured against the
    answer's own Date, so that a wrong clock here does no harm.
    """
    sent = sent_at(headers) or datetime.now(UTC)
    value = headers.get("Retry-After", "").strip()
    seconds = _number(value)
    if seconds is None and (until := _date(value)):
        seconds = (until - sent).total_seconds()
    if seconds is None:
        resets = (_number(headers.get(name, "")) for name in RESET_HEADERS)
        seconds = next((reset for reset in resets if reset is not None), None)
        if seconds is not None and seconds >= FIRST_EPOCH:
            scale = 1000 if seconds >= FIRST_EPOCH_MILLISECONDS else 1
            seconds = seconds / scale - sent.timestamp()
    return None if seconds is None else max(0.0, seconds)


def remaining(headers: Mapping[str, str]) -> float | None:
    """How many requests a quota still allows; None if the answer doesn't say."""
    counts = (_number(headers.get(name, "")) for name in REMAINING_HEADERS)
    return next((count for count in counts if count is not None), None)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def sent_at(headers: Mapping[str, str]) -> datetime | None:
    """The server's time, as whole seconds, when it answered; None if it doesn't tell a sane one."""
    sent = _date(headers.get("Date", ""))
    return sent if sent and sent >= EARLIEST else None


def clock_difference(headers: Mapping[str, str]) -> timedelta:
    """How far this machine's clock is ahead of the server's; zero if the server doesn't tell."""
    sent = sent_at(headers)
    return datetime.now(UTC) - sent if sent else timedelta(0)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
