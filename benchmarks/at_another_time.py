"""The tap's command with another clock.

at_another_time.py INSTANT ARGUMENT…
"""

from __future__ import annotations

import sys
from datetime import datetime

import time_machine

from tap_eventexport.command import main

if __name__ == "__main__":
    time_machine.travel(datetime.fromisoformat(sys.argv.pop(1))).start()
    main()
