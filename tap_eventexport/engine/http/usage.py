"""Counts what a stream asks of its vendor."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Usage:
    """What one stream asked of its vendor in this run.

    Attributes:
        requests: How many were answered, whatever the answer was.
        bytes: How large the answers' bodies were, as they were kept.
        retries: How many requests were made again.
        waited: Seconds of pauses, of all threads.
        waits_until: When the last of them ends, in seconds since 1970.
    """

    requests: int = 0
    bytes: int = 0
    retries: int = 0
    waited: float = 0.0
    waits_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, size: int) -> None:
        """Count an answer."""
        with self._lock:
            self.requests += 1
            self.bytes += size

    def paused(self, seconds: float, retries: int = 0) -> None:
        """Count a pause that begins now."""
        with self._lock:
            self.waited += seconds
            self.retries += retries
            self.waits_until = max(self.waits_until, time.time() + seconds)
