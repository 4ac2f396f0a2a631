"""The command with another clock and other pauses: SECONDS PAUSE ARGUMENT…

SECONDS are added to the machine's clock. PAUSE is that after a first fault, in seconds; if it is
short, vendors' rates are no limit, and Infobip is asked after an export as soon.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import time_machine

from tap_eventexport.command import main
from tap_eventexport.engine.http import rate_limit, retry
from tap_eventexport.vendors.infobip import exports


def no_limit(_bucket: rate_limit.TokenBucket) -> None:
    """Let a request pass at once."""


if __name__ == "__main__":
    shift, pause = float(sys.argv.pop(1)), float(sys.argv.pop(1))
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=shift)).start()
    if pause < retry.FIRST_PAUSE:
        retry.FIRST_PAUSE = pause
        setattr(rate_limit.TokenBucket, "acquire", no_limit)  # noqa: B010 - which mypy allows
        exports.FIRST_PAUSE = exports.FULL_PAUSE = pause
    main()
