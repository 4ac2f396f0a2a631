"""What a user should know about the rows of Dfinery's days; on the main thread."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tap_eventexport.engine.bodies.values import converter
from tap_eventexport.engine.duplicates.variants import Counts
from tap_eventexport.engine.names import quote_names
from tap_eventexport.engine.windows import from_milliseconds
from tap_eventexport.vendors.dfinery.columns import ARRIVAL, KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from tap_eventexport.engine.stream import EventStream

LOG_TIME = re.compile(r"[1-9]\d{12}", re.ASCII)  # milliseconds since 1970 at the start of log ids
ODD = timedelta(hours=1)  # between a log id's time and the arrival; more suggests a wrong zone


class Findings:
    """What was found in the days of a run.

    Args:
        stream: The stream, for its settings and its log.
        zone: The service's time zone.
    """

    def __init__(self, stream: EventStream, zone: tzinfo) -> None:
        self._name = stream.name
        self._logger = stream.logger
        self._config = stream.config
        self._zone = zone
        self._repeated = Counts(0, 0)
        self._logged: dict[str, set[str]] = {}

    def note_names(self, header: Sequence[str], names: Sequence[str]) -> None:
        """Log once the columns that are renamed, or that loaders may rename or refuse."""
        repeated = {name for name, count in Counter(header).items() if count > 1}
        odd = {
            "columns with the same name, which get a number such as _2": repeated,
            "columns that loaders may overwrite, since their own names also begin with _sdc_": {
                name for name in names if name.startswith("_sdc_")
            },
            "columns without a name, which loaders may refuse": {""} & set(names),
        }
        for what, found in odd.items():
            logged = self._logged.setdefault(what, set())
            if new := found - logged:
                logged |= new
                self._logger.warning("%s: the CSV has %s: %s", self._name, what, quote_names(new))

    def compare_clocks(self, row: Mapping[str, str]) -> None:
        """Compare the arrival with the time in the log id, to detect a wrong time zone."""
        begin = row.get("df_event_log_id", "").partition(":")[0]
        if not LOG_TIME.fullmatch(begin):
            return
        try:
            (arrival,) = converter("date-time", self._zone)([row[ARRIVAL]])
        except ValueError:  # reported later, as a value that doesn't fit
            return
        if not arrival:
            return
        difference = datetime.fromisoformat(arrival) - from_milliseconds(int(begin))
        if abs(difference) > ODD:
            self._logger.warning(
                "%s: %s is %s away from the time in the event's log id; is dfinery_timezone=%s "
                "the service's?",
                self._name,
                ARRIVAL,
                difference,
                self._config["dfinery_timezone"],
            )

    def count(self, found: Counts) -> None:
        """Count a day's different rows with the same id."""
        keys, contents = found
        self._repeated = Counts(self._repeated.keys + keys, self._repeated.contents + contents)

    def log(self) -> None:
        """Log different rows with the same id."""
        keys, contents = self._repeated
        if keys and self._config["dfinery_repeated_ids"] == "warn":
            self._logger.warning(
                "%s: %d different rows of a day share %d values of %s: a target that keeps one row "
                "for each key loses %d of them; dfinery_repeated_ids=number keeps them",
                self._name,
                contents,
                keys,
                KEY,
                contents - keys,
            )
        elif keys:
            self._logger.info(
                "%s: %d different rows of a day share %d values of %s: %d of them got a number",
                self._name,
                contents,
                keys,
                KEY,
                contents - keys,
            )
