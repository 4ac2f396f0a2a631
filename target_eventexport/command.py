"""The command `target-eventexport`, which starts without garbage collection."""

from __future__ import annotations

import gc
import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the target.

    Imported modules stay until the end; collecting garbage among them would only take time. A
    signal during the imports ends the command at once: nothing is committed yet.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    gc.disable()
    from target_eventexport import target  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    target.main()
