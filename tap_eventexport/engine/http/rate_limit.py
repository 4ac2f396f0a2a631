"""A vendor's limit of requests in a second."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """Lets so many requests pass at once, then so many a second.

    Args:
        per_second: How fast tokens come back.
        burst: How many there are at most, and at first.
        wait: Sleeps for some seconds.
    """

    def __init__(self, per_second: float, burst: int, wait: Callable[[float], None]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._wait = wait
        self._tokens = float(burst)
        self._counted = time.monotonic()
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Take a token, or wait for the next that nobody else waits for."""
        with self._lock:
            now = time.monotonic()
            earned = (now - self._counted) * self._per_second
            self._tokens = min(self._burst, self._tokens + earned) - 1
            self._counted = now
            owed = -self._tokens / self._per_second
        if owed > 0:
            self._wait(owed)
