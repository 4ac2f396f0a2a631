"""Dfinery's user profiles.

https://docs.dfinery.ai/api-guide/api/export-api/export/post-1
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.page import Page, RowDigests
from tap_eventexport.engine.sent.digests import row_digests, seed_of
from tap_eventexport.engine.table import TableStream
from tap_eventexport.engine.windows import format_instant
from tap_eventexport.vendors.dfinery.columns import PROFILE_KEY, PROFILE_TYPES, documented
from tap_eventexport.vendors.dfinery.exports import DfineryExport
from tap_eventexport.vendors.dfinery.rows import Csv, column_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_eventexport.engine.bodies.csvspool import CsvSpool
    from tap_eventexport.engine.page import Choice, Record
    from tap_eventexport.engine.windows import Window
    from tap_eventexport.vendors.dfinery.rows import Rows


class DfineryProfiles(TableStream, DfineryExport):
    """The profiles of all users of the service, or of an audience.

    `POST /api/v1/export/userprofile`. One request of the same limit as those for events. Profiles
    are personal data, so they are read only if a catalog selects them.
    """

    name = "dfinery_user_profiles"
    record = "one user's profile"
    primary_keys = (PROFILE_KEY,)
    selected_by_default = False  # personal data
    path = "/api/v1/export/userprofile"
    read_every: ClassVar = timedelta(hours=24)
    types: ClassVar = PROFILE_TYPES
    filter_settings: ClassVar = (
        "dfinery_profile_audience",
        "dfinery_profile_properties",
        "dfinery_profile_properties_condition_type",
    )
    columns: ClassVar = th.PropertiesList(
        *(
            th.Property(name, documented(name, kind), required=name == PROFILE_KEY)
            for name, kind in PROFILE_TYPES.items()
        )
    )

    @property
    def activates_version(self) -> bool:
        """Whether the user wants loaders to drop users who are gone."""
        return bool(self.config["dfinery_profile_activate_version"])

    def pages(self, window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:  # noqa: ARG002
        """Read all profiles with one request."""
        spool = self.export(self._asked())
        if not spool.header:
            spool.close()
            raise FatalVendorError(
                "Dfinery answered twice without a CSV of user profiles: try again later, or ask "
                "Dfinery"
            )
        names = column_names(spool.header)
        profiles = Csv("Dfinery's CSV of profiles", names, self._types, self.zone, (PROFILE_KEY,))
        rows = ProfileRows(spool, profiles, format_instant(window.start))
        columns = self._types.schemas(names)
        yield Page((), None, disk_bytes=spool.size, columns=columns, rows=rows)

    def check_connection(self) -> None:
        """Request the profiles, and read only the header."""
        self.header(self._asked())

    def _asked(self) -> dict[str, Any]:
        """Return the body of the request."""
        audience = self.config.get("dfinery_profile_audience")
        body = self.chosen("dfinery_profile_properties", "properties")
        return {**body, "audience": audience} if audience else body


class ProfileRows:
    """The rows of all profiles; they are sent all or not at all.

    Args:
        spool: The CSV; closed after its records were made.
        csv: The facts about it.
        time: The time that the rows are compared under.
    """

    def __init__(self, spool: CsvSpool, csv: Csv, time: str) -> None:
        self._spool = spool
        self._csv = csv
        self._time = time
        self._seed = seed_of(csv.names)

    def digests(self) -> Iterator[RowDigests]:
        """Read all rows; yield the digests of some rows at a time."""
        return map(self._digests, self._spool.blocks())

    def batches(
        self, choice: Choice | None
    ) -> Iterator[tuple[Sequence[Record], RowDigests | None]]:
        """Read the rows; yield batches of records; without a choice, with their rows' digests.

        Raises:
            FatalVendorError: If a value doesn't fit its column's type, or the key is missing.
        """
        make = self._csv.record_maker()
        before = 0
        with closing(self._spool):
            if choice and not any(choice.blocks):
                return
            for block in self._spool.blocks():
                numbers = range(before + 1, before + len(block) + 1)
                before += len(block)
                yield make(block, numbers), None if choice else self._digests(block)

    def _digests(self, block: Rows) -> RowDigests:
        return RowDigests([self._time] * len(block), row_digests(block, self._seed))
