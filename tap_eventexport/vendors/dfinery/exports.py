"""Dfinery's exports: a request, and a CSV that is checked before anything of it is sent.

https://docs.dfinery.ai/api-guide/api/export-api (POST: exports, responses, rate limit)
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import requests
from singer_sdk.singerlib import Schema

from tap_eventexport.engine.bodies.csvspool import HEAD, CsvSpool
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.http.client import endpoint
from tap_eventexport.engine.http.headers import retry_after
from tap_eventexport.engine.http.response import (
    Response,
    error_body,
    one_line,
    raise_for_transient_status,
)
from tap_eventexport.engine.names import quote_names
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import time_zone
from tap_eventexport.vendors.dfinery.rows import ColumnTypes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from singer_sdk import Tap
    from singer_sdk.singerlib import Catalog

    from tap_eventexport.engine.http.client import HttpClient


class DfineryExport(EventStream):
    """A CSV with a header, of which columns are known only in part.

    Attributes:
        types: The documented types of columns.
        filter_settings: The settings that choose what is exported.
    """

    vendor = "Dfinery"
    is_growing: ClassVar = True
    types: ClassVar[Mapping[str, str]]
    filter_settings: ClassVar[tuple[str, ...]]

    def __init__(self, tap: Tap, client: HttpClient) -> None:
        super().__init__(tap, client)
        chosen = self.config["dfinery_property_types"]
        keys = {key: self.types[key] for key in self.required_columns}
        self._types = ColumnTypes({**chosen, **keys}, self.types)
        self._ends_lines: bool | None = None  # whether Dfinery ends the last line; None: not known
        properties = self.schema["properties"]
        properties.update(self._types.schemas(properties))

    @property
    def zone(self) -> tzinfo:
        """The service's time zone."""
        return time_zone(self.config["dfinery_timezone"])

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog, except its types: the tap's own may be newer."""
        if entry := catalog.get_stream(self.name):
            schema = entry.schema.to_dict()
            named = schema.get("properties") or {}
            in_force = self._types.schemas(named)
            if other := {name for name in named if _kind(named[name]) != _kind(in_force[name])}:
                self.logger.info(
                    "%s: the catalog's types are not used, since the tap has other types for: %s",
                    self.name,
                    quote_names(other),
                )
            entry.schema = Schema.from_dict({**schema, "properties": in_force})
        super().apply_catalog(catalog)

    def export(self, body: Mapping[str, Any]) -> CsvSpool:
        """Return a checked CSV.

        An empty body may mean that there is nothing, or a failure. A CSV whose last line has no end
        may have been cut in its last field. Both are accepted if they come twice. An empty one has
        no header then.
        """
        for _ in range(2):
            spool = self.client.fetch(
                lambda: self._request(body),
                lambda response: self._checked(response, body, self._check_whole),
                is_spooled=True,
            )
            if self._is_surely_whole(spool):
                return spool
        if spool.rows:
            self._ends_lines = False
            self.logger.warning(
                "%s: the last row of Dfinery's CSV has no line end. It came twice, so it is taken "
                "as whole.",
                self.name,
            )
        return spool

    def _is_surely_whole(self, spool: CsvSpool) -> bool:
        if spool.rows and spool.ends_with_line:
            self._ends_lines = True
        return spool.ends_with_line or (spool.rows > 0 and self._ends_lines is False)

    def _check_whole(self, spool: CsvSpool, required: Sequence[str]) -> None:
        spool.check(required)
        if self._ends_lines and spool.rows and not spool.ends_with_line:
            raise RetriableVendorError("its last row has no line end, unlike that of other CSVs")

    def header(self, body: Mapping[str, Any]) -> Sequence[str]:
        """Return only the header of a CSV; empty if there is none."""
        spool = self.client.fetch(
            lambda: self._request(body),
            lambda response: self._checked(response, body, CsvSpool.read_header),
            is_spooled=True,
            most=HEAD,
        )
        spool.close()
        return spool.header

    def chosen(self, setting: str, field: str) -> dict[str, Any]:
        """Return the part of a request's body that includes or excludes names.

        Args:
            setting: The setting that holds the names.
            field: The field of the body.
        """
        names = self.config[setting]
        condition = self.config.get(f"{setting}_condition_type")
        body = {f"{field}_condition_type": condition or ("include" if names else "all")}
        return {**body, field: names} if names else body

    def _request(self, body: Mapping[str, Any]) -> requests.Request:
        return requests.Request(
            "POST",
            endpoint(self.config["dfinery_api_url"], self.path),
            params={"service_id": self.config["dfinery_service_id"]},
            json=body,
            headers={
                "Authorization": f"Bearer {self.config['dfinery_api_token']}",
                "Accept-Encoding": "gzip",  # its end can be checked, unlike that of other encodings
            },
        )

    def _checked(
        self,
        response: Response,
        body: Mapping[str, Any],
        check: Callable[[CsvSpool, Sequence[str]], object],
    ) -> CsvSpool:
        """Return the checked CSV of a response.

        Raises:
            RateLimitedError: If the rate limit is reached.
            RetriableVendorError: If the response isn't a complete CSV. A success other than 200
                isn't: it is not documented what it means.
            FatalVendorError: If the user must do something.
        """
        if response.spool is None:
            raise self._refusal(response, body)
        if response.status != HTTPStatus.OK:
            response.spool.close()
            raise RetriableVendorError(
                f"{response}, which is not a complete CSV: the status must be 200"
            )
        spool = CsvSpool(response.spool)
        try:
            check(spool, self.required_columns)
        except RetriableVendorError as error:
            spool.close()
            raise RetriableVendorError(
                f"{response}, which is not a complete CSV: {error}"
            ) from None
        return spool

    def _refusal(self, response: Response, body: Mapping[str, Any]) -> Exception:  # noqa: ARG002
        """Return the error for a response without a CSV, to a request with a body."""
        code = one_line(error_body(response).get("message", ""))
        problem = f"HTTP {response.status}" + (f", {code}" if code else "")
        match response.status:
            case HTTPStatus.TOO_MANY_REQUESTS:
                return RateLimitedError(
                    f"Dfinery's rate limit for this service is reached ({problem})",
                    retry_after(response.headers),
                )
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                return FatalVendorError(
                    f"Dfinery refused the token ({problem}): check dfinery_api_token; it must be "
                    "the service's Export token, not its Import token"
                )
            case HTTPStatus.NOT_FOUND:
                return FatalVendorError(
                    f"Dfinery has no such address ({problem})"
                    f"{self._if_set(': check ', 'dfinery_api_url') or '; please report it'}"
                )
        raise_for_transient_status(response)
        filters = self._if_set(", ", *self.filter_settings)
        return FatalVendorError(
            f"Dfinery refused the request ({problem}): check dfinery_service_id{filters}"
        )

    def _if_set(self, before: str, *names: str) -> str:
        """Join the names of settings that aren't at their default; empty if there are none."""
        known = self.tap.config_jsonschema["properties"]
        changed = [name for name in names if self.config.get(name) != known[name].get("default")]
        return before + ", ".join(changed) if changed else ""


def _kind(schema: Mapping[str, Any]) -> tuple[Any, Any]:
    return schema.get("type"), schema.get("format")
