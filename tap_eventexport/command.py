"""The command `tap-eventexport`, which starts without looking for garbage."""

from __future__ import annotations

import gc
import os
import signal
from typing import NoReturn

from tap_eventexport.console.standard_streams import open_standard_streams


def main() -> NoReturn:
    """Run the tap.

    What is imported stays until the end. Looking through it again and again, while it is imported
    and later, takes a fifth of the start and some of the run. A signal that comes meanwhile ends
    the command at once: nothing was promised yet.
    """
    open_standard_streams()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    gc.disable()
    from tap_eventexport import tap  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    tap.main()
