"""How far this machine's clock was ahead of a vendor's when the run began.

A run reads up to the instant at which it began, and promises up to there. If this machine's clock
was ahead, that instant lies in the vendor's future, and stays there even if the clock is set right
a minute later. So the lead belongs to the start of the run, and time since then is counted by a
timer that nobody sets.
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

TOLERANCE = timedelta(seconds=5)  # by so much the clocks of two sound machines may differ
LONGEST_LEAD = timedelta(days=1)  # a wrong time zone's at most; beyond it, either clock is broken
SECOND = timedelta(seconds=1)  # what a Date is cut to
NO_LEAD = timedelta(0)

# Linux stops CLOCK_MONOTONIC while a machine sleeps, macOS doesn't.
_TIMER = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

logger = logging.getLogger("tap-eventexport.http")


def timer() -> float:
    """Seconds that pass whatever is done to the clock, also while the machine sleeps."""
    return time.clock_gettime(_TIMER)


@dataclass(frozen=True, slots=True)
class Start:
    """When a run began.

    Attributes:
        now: By this machine's clock.
        timer: By the timer.
    """

    now: datetime
    timer: float

    @classmethod
    def here(cls) -> Self:
        """A run that begins now."""
        return cls(round_down(datetime.now(UTC)), timer())


class VendorClock:
    """A vendor's clock, as the dates of its answers tell it.

    Args:
        vendor: The vendor's name, for messages.
        start: When the run began.
    """

    def __init__(self, vendor: str, start: Start) -> None:
        self.start = start
        self._vendor = vendor
        self._lock = threading.Lock()
        self._least = timedelta.min  # the lead is at least this,
        self._most = timedelta.max  # and at most this
        self._is_told = False

    def compare(self, headers: Mapping[str, str], asked: float) -> None:
        """Take an answer's Date into account.

        Args:
            headers: The answer's, which have just come.
            asked: The timer when it was asked for. The Date was made since then.
        """
        sent = sent_at(headers)
        if sent is None:
            self._tell_of_useless(headers.get("Date"))
            return
        passed = timedelta(seconds=timer() - self.start.timer)
        waited = timedelta(seconds=asked - self.start.timer)
        with self._lock:
            self._most = min(self._most, self.start.now - sent + passed)
            self._least = max(self._least, self.start.now - sent - SECOND + waited)
        self._tell()

    @property
    def skew(self) -> timedelta:
        """How far this machine's clock was ahead; zero if the two may have agreed.

        Where several servers answer whose clocks differ, it is the lead over the earliest of them.
        """
        if self._least <= NO_LEAD:
            return NO_LEAD
        return max(self._least, self._most)

    @property
    def certain_skew(self) -> timedelta:
        """How far it was ahead of each server that answered, at least."""
        return max(NO_LEAD, min(self._least, self._most))

    @property
    def is_skew_believed(self) -> bool:
        """Whether it may well be this machine's clock that is wrong, and not the vendor's."""
        return self.skew <= LONGEST_LEAD

    def now(self) -> datetime:
        """The vendor's time now, as far as this machine can tell."""
        return self.start.now - self.skew + timedelta(seconds=timer() - self.start.timer)

    def _tell(self) -> None:
        """Say once that the clocks differ."""
        skew, most = self.skew, self._most
        if self._is_told or (most >= -TOLERANCE and self._least <= TOLERANCE):
            return
        self._is_told = True
        middle = (self._least + most) / 2
        way, difference = ("ahead of", max(middle, self._least)) if skew else ("behind", -middle)
        if difference > LONGEST_LEAD:
            advice = (
                "one of the two is wrong. No bookmark moves beyond the earlier of them; set this "
                f"machine's clock, or ask {self._vendor} for the right Date in its answers"
            )
        elif skew:
            advice = "bookmarks stay behind the vendor's clock, but set this one"
        else:
            advice = "what happened since is left to a later run, but set this clock"
        logger.warning(
            "%s: this machine's clock was about %s %s the vendor's when the run began: %s",
            self._vendor,
            round(difference / TOLERANCE) * TOLERANCE,
            way,
            advice,
        )

    def _tell_of_useless(self, date: str | None) -> None:
        if not date or self._is_told:
            return
        self._is_told = True
        logger.warning(
            "%s: its answers have a useless Date (%.40r); bookmarks rely on this machine's clock",
            self._vendor,
            date,
        )
