"""A limit of requests per second."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """Allows a burst of requests at once, then a number of requests per second.

    Args:
        per_second: Tokens that are added per second.
        burst: The maximum number of tokens, which is also the number at the start.
        wait: Sleeps for a number of seconds.
    """

    def __init__(self, per_second: float, burst: int, wait: Callable[[float], None]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._wait = wait
        self._tokens = float(burst)
        self._counted = time.monotonic()
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Take a token; wait for one if none is left."""
        with self._lock:
            now = time.monotonic()
            earned = (now - self._counted) * self._per_second
            self._tokens = min(self._burst, self._tokens + earned) - 1
            self._counted = now
            owed = -self._tokens / self._per_second
        if owed > 0:
            self._wait(owed)
