"""Measures how far this machine's clock was ahead of a vendor's when the run began.

A run reads and commits up to the instant at which it began. If this machine's clock was ahead, that
instant was in the vendor's future. A correction of the clock a minute later doesn't change that. So
the skew is measured for the start of the run, and the time since then is measured by a timer that
can't be set.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from tap_eventexport.engine.http.headers import sent_at
from tap_eventexport.engine.windows import round_down

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = timedelta(seconds=5)  # clocks of two correct machines may differ by this much
MAX_SKEW = timedelta(days=1)  # more than any wrong time zone; beyond it, one clock is broken
SECOND = timedelta(seconds=1)  # the precision of a Date header
NO_SKEW = timedelta(0)

# Linux stops CLOCK_MONOTONIC while a machine sleeps, macOS doesn't.
_TIMER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

logger = logging.getLogger("tap-eventexport.http")


def timer() -> float:
    """Return a time in seconds that nobody can set, and that also runs while the machine sleeps."""
    return time.clock_gettime(_TIMER)


@dataclass(frozen=True, slots=True)
class Start:
    """The time when a run began.

    Attributes:
        now: By this machine's clock.
        timer: By the timer.
    """

    now: datetime
    timer: float

    @classmethod
    def here(cls) -> Self:
        """Return the start of a run that begins now."""
        return cls(round_down(datetime.now(UTC)), timer())


class VendorClock:
    """A vendor's clock, estimated from the Date headers of its responses.

    Args:
        vendor: The vendor's name, for messages.
        start: When the run began.
    """

    def __init__(self, vendor: str, start: Start) -> None:
        self.start = start
        self._vendor = vendor
        self._lock = threading.Lock()
        self._least = timedelta.min  # the skew is at least this,
        self._most = timedelta.max  # and at most this
        self._is_logged = False

    def compare(self, headers: Mapping[str, str], asked: float) -> None:
        """Update the estimate with a response's Date.

        Args:
            headers: The response's headers, which have just arrived.
            asked: The timer when the request was sent. The Date was made after that.
        """
        sent = sent_at(headers)
        if sent is None:
            self._warn_of_invalid_date(headers.get("Date"))
            return
        passed = timedelta(seconds=timer() - self.start.timer)
        waited = timedelta(seconds=asked - self.start.timer)
        with self._lock:
            self._most = min(self._most, self.start.now - sent + passed)
            self._least = max(self._least, self.start.now - sent - SECOND + waited)
        self._log_difference()

    @property
    def skew(self) -> timedelta:
        """How far this machine's clock was ahead; zero if the two may have agreed.

        If several servers with different clocks answer, it is the skew to the earliest of them.
        """
        if self._least <= NO_SKEW:
            return NO_SKEW
        return max(self._least, self._most)

    @property
    def certain_skew(self) -> timedelta:
        """The minimum by which it was ahead of every server that answered."""
        return max(NO_SKEW, min(self._least, self._most))

    @property
    def is_skew_believed(self) -> bool:
        """Whether this machine's clock may be wrong, and not the vendor's."""
        return self.skew <= MAX_SKEW

    def now(self) -> datetime:
        """Return the vendor's current time, as estimated here."""
        return self.start.now - self.skew + timedelta(seconds=timer() - self.start.timer)

    def _log_difference(self) -> None:
        """Log once that the clocks differ."""
        skew, most = self.skew, self._most
        if self._is_logged or (most >= -TOLERANCE and self._least <= TOLERANCE):
            return
        self._is_logged = True
        middle = (self._least + most) / 2
        way, difference = ("ahead of", max(middle, self._least)) if skew else ("behind", -middle)
        if difference > MAX_SKEW:
            advice = (
                "one of the two is wrong. No bookmark moves beyond the earlier one; set this "
                f"machine's clock, or ask {self._vendor} to send the right Date"
            )
        elif skew:
            advice = "bookmarks stay behind the vendor's clock, but set this machine's clock"
        else:
            advice = "a later run reads the newest events, but set this machine's clock"
        logger.warning(
            "%s: this machine's clock was about %s %s the vendor's when the run began: %s",
            self._vendor,
            round(difference / TOLERANCE) * TOLERANCE,
            way,
            advice,
        )

    def _warn_of_invalid_date(self, date: str | None) -> None:
        if not date or self._is_logged:
            return
        self._is_logged = True
        logger.warning(
            "%s: its responses have an invalid Date (%.40r); bookmarks rely on this machine's "
            "clock",
            self._vendor,
            date,
        )
