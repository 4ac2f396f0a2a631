"""Decides how often and how long a request is retried."""

from __future__ import annotations

import logging
import math
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_eventexport.engine.errors import RateLimitedError, RetriableVendorError

if TYPE_CHECKING:
    import tenacity

MAX_ATTEMPTS = 6  # for transient failures: about 16 s of pauses in total
FIRST_PAUSE = 0.5  # seconds; doubled after each failure
LONGEST_PAUSE = 60.0  # seconds between two attempts if the vendor names no time
JITTER = 1.25  # so that requests that failed together are not retried together

logger = logging.getLogger("tap-eventexport.http")


class RetryPolicy:
    """The retry policy of one request, used by tenacity.

    Args:
        vendor: The vendor's name, for messages.
        max_retry_wait: Seconds that rate limits may make it wait.
        attempts: The maximum number of attempts that may fail.
        longest: Seconds after which a failure is not retried.
    """

    def __init__(
        self, vendor: str, max_retry_wait: float, attempts: int, longest: float = math.inf
    ) -> None:
        self._vendor = vendor
        self._max_retry_wait = max_retry_wait
        self._attempts = attempts
        self._longest = longest
        self._is_late = False
        self._faults = 0
        self._limits = 0

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds to wait: as the vendor asks, or more if that didn't help."""
        error = _error(state)
        if isinstance(error, RateLimitedError):
            self._limits += 1
            times, named = self._limits, error.wait
            if named is not None and times == 1:
                return max(named, FIRST_PAUSE)
        else:
            self._faults += 1
            times, named = self._faults, error.wait
        pause = min(FIRST_PAUSE * 2.0 ** (times - 1), LONGEST_PAUSE)
        pause *= random.uniform(1.0, JITTER)  # noqa: S311
        return pause if named is None else max(named, pause)

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        """Whether to give up instead of waiting."""
        error = _error(state)
        if isinstance(error, RateLimitedError):
            return state.idle_for + state.upcoming_sleep > self._max_retry_wait
        self._is_late = (state.seconds_since_start or 0) > self._longest
        is_tried_enough = self._is_late or self._faults >= self._attempts
        return is_tried_enough or (error.wait or 0) > self._max_retry_wait

    def announce(self, state: tenacity.RetryCallState) -> None:
        """Log what happened and how long the pause is."""
        pause = state.upcoming_sleep
        until = datetime.now().astimezone() + timedelta(seconds=pause)
        logger.warning(
            "%s: %s; trying again in %.1f s, at %s",
            self._vendor,
            _error(state),
            pause,
            until.strftime("%H:%M:%S"),
        )

    def give_up_reason(self, error: RetriableVendorError) -> str:
        """Return the reason why there was no further attempt."""
        if self._is_late or self._faults >= self._attempts:
            return f"gave up after {self._faults} attempts"
        asked = "" if error.wait is None else f" (it asks for {error.wait:.0f} s)"
        return (
            f"gave up because the wait{asked} would exceed "
            f"max_retry_wait={self._max_retry_wait:.0f} s"
        )


def _error(state: tenacity.RetryCallState) -> RetriableVendorError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetriableVendorError):
        raise TypeError("only transient failures are retried")
    return error
