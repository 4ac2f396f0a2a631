"""The command `tap-eventexport`, which starts without garbage collection."""

from __future__ import annotations

import gc
import os
import signal
from typing import NoReturn

from tap_eventexport.console.standard_streams import open_standard_streams

LARGEST_BLOCK = 16 << 20  # bytes; larger than what a page needs


def main() -> NoReturn:
    """Run the tap.

    Imported modules stay until the end. Collecting garbage among them would take a fifth of the
    start, and some time later. A signal during the imports ends the command at once: nothing is
    committed yet.
    """
    open_standard_streams()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    bytes(LARGEST_BLOCK)  # glibc then keeps freed blocks of up to this size, and maps none anew
    gc.disable()
    from tap_eventexport import tap  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    tap.main()
