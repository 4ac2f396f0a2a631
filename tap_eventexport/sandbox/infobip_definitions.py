"""Simulates Infobip's list of event definitions, according to its documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_eventexport.sandbox.infobip import error
from tap_eventexport.sandbox.infobip_rows import DEFINITIONS
from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from datetime import datetime

TITLES = {
    "pageView": "페이지 조회",
    "purchase": "Purchase",
    "smsDelivered": "SMS delivered",
    "smsSeen": "SMS seen",
}
CATEGORIES = ("external", "person", "channel", "product", "template", None)
TYPES = ("String", "Boolean", "DateTime", "Numeric", "Decimal", "List")
ORDERS = {"DefinitionId": "definitionId", "Title": "title"}
DEFAULT_LIMIT = 50


@dataclass(slots=True)
class InfobipDefinitions:
    """The event definitions of one account.

    Attributes:
        api_key: The only key that is accepted.
        names: The ids of the definitions.
        is_permitted: Whether the key has one of the scopes that are needed.
        most: The most definitions in one response, whatever limit is asked for.
    """

    api_key: str = "sandbox-infobip-key"
    names: list[str] = field(default_factory=lambda: list(DEFINITIONS))
    is_permitted: bool = True
    most: int = 1000
    path: str = "/peopleevents/2/definitions"

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's documentation."""
        if request.headers.get("authorization") != f"App {self.api_key}":
            return error(401, "UNAUTHORIZED", "Invalid login details")
        if not self.is_permitted:
            return error(403, "FORBIDDEN", "Forbidden")
        if request.method != "GET" or request.path != self.path:
            return error(404, "NOT_FOUND", "Requested URL not found")
        offset, limit = request.first("offset") or "0", request.first("limit") or "50"
        order, way = request.first("orderField"), request.first("orderType") or "Asc"
        if not (offset.isdecimal() and limit.isdecimal() and int(limit) > 0):
            return error(400, "BAD_REQUEST", "Bad Request", {"limit": ["invalid"]})
        if order not in {None, *ORDERS} or way not in {"Asc", "Desc"}:
            return error(400, "BAD_REQUEST", "Bad Request", {"orderField": ["invalid"]})
        found = [self.definition(name) for name in self.names]
        if order:
            found.sort(key=lambda each: str(each[ORDERS[order]]), reverse=way == "Desc")
        size = min(int(limit), self.most)
        return json_response(200, found[int(offset) : int(offset) + size])

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:  # noqa: ARG002
        """Return the ids of all definitions, at any time."""
        return list(self.names) if stream == "infobip_event_definitions" else None

    def definition(self, name: str) -> dict[str, Any]:
        """Return a definition, with all its fields."""
        number = len(name)
        category = CATEGORIES[number % len(CATEGORIES)]
        return {
            "isInternalDefinition": name in DEFINITIONS,
            "category": category,
            "subcategory": "sms" if category == "channel" else None,
            "definitionId": name,
            "title": TITLES.get(name, f"The event {name}"),
            "description": None if number % 3 else f"Happens with {name}.",
            "fields": [
                {"name": f"field{place}", "type": kind}
                if kind != "List"
                else {"name": "items", "type": kind, "schema": {"price": "Decimal"}}
                for place, kind in enumerate(TYPES)
            ],
        }
