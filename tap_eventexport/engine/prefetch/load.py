"""How a stream's time is spent, to tell whether reading more of it at once would help."""

from __future__ import annotations

import time

PERIOD = 0.1  # seconds that are looked at together
BUSY = 0.8  # part of a period; Python code of one process computes on one core at a time
COMPUTES = 0.3  # part of a period
HUNGRY = 0.1  # part of a period


class Load:
    """Whether a stream waits for its vendor, rather than for the target or this process.

    Only then more requests at once help. Where the process computes nearly all of the time, and a
    good part of it for this stream, another thread would only take turns with the others; where
    the target is slow, pages would only wait in memory.

    Nothing is known before the end of a first period; it counts as not waiting until then.
    """

    def __init__(self) -> None:
        self._is_hungry = False
        self._since = time.monotonic()
        self._process_computed = time.process_time()
        self._computed = 0.0
        self._waited = 0.0
        self._waits_since: float | None = None

    def wait(self) -> None:
        """From now on, the stream has no page to hand out."""
        if self._waits_since is None:
            self._waits_since = time.monotonic()

    def go_on(self) -> None:
        """It has one."""
        if self._waits_since is not None:
            self._waited += time.monotonic() - self._waits_since
            self._waits_since = None

    def compute(self, seconds: float) -> None:
        """Reading it took this thread so many seconds of computing."""
        self._computed += seconds

    def is_hungry(self) -> bool:
        """Whether it waited for its vendor in the last full period."""
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
