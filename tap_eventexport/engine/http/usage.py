"""Counts the requests of a stream to its vendor."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Usage:
    """The requests of one stream in this run.

    Attributes:
        requests: The number of requests with a response of any status.
        bytes: The total size of the response bodies, as they were stored.
        retries: The number of requests that were retried.
        waited: Seconds of pauses, of all threads together.
        waits_until: When the last pause ends, in seconds since 1970.
    """

    requests: int = 0
    bytes: int = 0
    retries: int = 0
    waited: float = 0.0
    waits_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, size: int) -> None:
        """Count a response."""
        with self._lock:
            self.requests += 1
            self.bytes += size

    def paused(self, seconds: float, retries: int = 0) -> None:
        """Count a pause that begins now."""
        with self._lock:
            self.waited += seconds
            self.retries += retries
            self.waits_until = max(self.waits_until, time.time() + seconds)
