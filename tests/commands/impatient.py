"""The command that waits for an export of Infobip's for three seconds only."""

from __future__ import annotations

from tap_eventexport.tap import main
from tap_eventexport.vendors.infobip import exports

if __name__ == "__main__":
    exports.LONGEST_EXPORT = 3.0
    main()
