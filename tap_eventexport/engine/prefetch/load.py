"""Measures how a stream spends its time, to decide if more parallel requests would help."""

from __future__ import annotations

import time

PERIOD = 0.1  # seconds of one measurement
BUSY = 0.8  # share of a period; Python code of one process runs on one core at a time
COMPUTES = 0.3  # share of a period
HUNGRY = 0.1  # share of a period


class Load:
    """Tells if a stream waits for its vendor, and not for the target or for this process.

    Only then do more parallel requests help. If the process is busy nearly all of the time, and
    mostly with this stream, another thread would only compete with the others. If the target is
    slow, pages would only wait in memory.

    Before the first period ends, the stream counts as not waiting.
    """

    def __init__(self) -> None:
        self._is_hungry = False
        self._since = time.monotonic()
        self._process_computed = time.process_time()
        self._computed = 0.0
        self._waited = 0.0
        self._waits_since: float | None = None

    def wait(self) -> None:
        """The stream has no page to return from now on."""
        if self._waits_since is None:
            self._waits_since = time.monotonic()

    def go_on(self) -> None:
        """The stream has a page again."""
        if self._waits_since is not None:
            self._waited += time.monotonic() - self._waits_since
            self._waits_since = None

    def compute(self, seconds: float) -> None:
        """Add seconds of CPU time that reading took."""
        self._computed += seconds

    def is_hungry(self) -> bool:
        """Whether the stream waited for its vendor in the last full period."""
        now = time.monotonic()
        if (took := now - self._since) >= PERIOD:
            if self._waits_since is not None:
                self.go_on()
                self._waits_since = now
            process_computed = time.process_time()
            is_process_busy = process_computed - self._process_computed > BUSY * took
            computes = is_process_busy and self._computed > COMPUTES * took
            self._is_hungry = self._waited > HUNGRY * took and not computes
            self._since, self._process_computed = now, process_computed
            self._computed = self._waited = 0.0
        return self._is_hungry
