"""Ends a run early: a signal sets a flag, which everything that waits checks."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from tap_eventexport.engine.errors import ShutdownRequested

if TYPE_CHECKING:
    from types import FrameType

EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
GRACE = 3.0  # seconds after which the process exits, even if a reader blocks stdout


class Shutdown:
    """Whether this run was asked to end, and by which signal.

    Attributes:
        exit_code: 143 or 130 after a signal, else None.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self._event = threading.Event()

    def listen(self) -> None:
        """Handle SIGTERM and SIGINT; does nothing outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in EXIT_CODES:
                signal.signal(number, self._receive)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        code = EXIT_CODES[signal.Signals(number)]
        if self._event.is_set():
            os._exit(code)
        self.exit_code = code
        self._event.set()
        deadline = threading.Timer(GRACE, os._exit, [code])
        deadline.daemon = True
        deadline.start()

    def check(self) -> None:
        """Return at once, or raise if the run was asked to end.

        Raises:
            ShutdownRequested: If it was.
        """
        if self._event.is_set():
            raise ShutdownRequested

    def wait(self, seconds: float) -> None:
        """Sleep, unless the run is asked to end.

        Raises:
            ShutdownRequested: As soon as it is.
        """
        if self._event.wait(seconds):
            raise ShutdownRequested
