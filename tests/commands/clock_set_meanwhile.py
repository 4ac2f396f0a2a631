"""The command at another time, whose clock is set in mid-run: BY BEFORE SECONDS PAUSE ARGUMENT…

The clock is set by BY seconds just before the request with the number BEFORE is sent. Then all is
as `at_another_time.py` has it.
"""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import requests
import time_machine

if __name__ == "__main__":
    by, before = float(sys.argv.pop(1)), int(sys.argv.pop(1))
    send, numbers = requests.Session.send, count(1)

    def set_and_send(*arguments: Any, **options: Any) -> requests.Response:
        """Send a request, perhaps at another time."""
        if next(numbers) == before:
            time_machine.travel(datetime.now(UTC) + timedelta(seconds=by)).start()
        return send(*arguments, **options)

    setattr(requests.Session, "send", set_and_send)  # noqa: B010 - which mypy allows
    script = Path(__file__).with_name("at_another_time.py")
    runpy.run_path(str(script), run_name="__main__")
