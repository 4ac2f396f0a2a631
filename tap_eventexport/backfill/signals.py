"""Ends a command by a signal: the first one cleanly, a second one at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tap_eventexport.engine.shutdown import EXIT_CODES

if TYPE_CHECKING:
    from types import FrameType


class SignalReceived(BaseException):
    """A signal asked the command to end.

    Args:
        code: The exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def listen() -> None:
    """Raise `SignalReceived` on the main thread when a signal comes."""

    def receive(number: int, _frame: FrameType | None) -> None:
        code = EXIT_CODES[signal.Signals(number)]
        for each in EXIT_CODES:
            signal.signal(each, lambda *_: os._exit(code))
        raise SignalReceived(code)

    for number in EXIT_CODES:
        signal.signal(number, receive)
