"""Simulates Dfinery's export of user profiles, according to its page."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_eventexport.sandbox.dfinery import CONDITIONS, fail, is_chosen, is_names
from tap_eventexport.sandbox.server import Request, Response

if TYPE_CHECKING:
    from datetime import datetime

    from tap_eventexport.sandbox.dfinery import Dfinery

FIELDS = {"properties", "properties_condition_type", "audience"}
KEY = "df_unified_id"
PROPERTIES = (
    *("df_name", "df_gender", "df_birth", "df_membership"),
    *("df_sms_ads_optin", "df_kakao_ads_optin", "df_push_ads_optin", "df_push_night_ads_optin"),
    *("hobbies", "points", "memo"),
)


@dataclass(slots=True)
class DfineryProfiles:
    """The profiles of one service's users.

    Attributes:
        dfinery: The service, whose token and limit of requests these are, too.
        users: The numbers of the users.
        audiences: The users of each audience.
        points: Points that users have now, by number.
        is_permitted: Whether the token may read profiles.
    """

    dfinery: Dfinery
    users: list[int] = field(default_factory=lambda: list(range(500)))
    audiences: dict[str, list[int]] = field(default_factory=dict)
    points: dict[int, int] = field(default_factory=dict)
    is_permitted: bool = True
    path: str = "/api/v1/export/userprofile"

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's page."""
        return self.dfinery.limited(lambda: self._export(request))

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:  # noqa: ARG002
        """Return the ids of all users, at any time."""
        if stream != "dfinery_user_profiles":
            return None
        return [f"U{number}" for number in self.users]

    def _export(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.dfinery.token}":
            return fail(401, "unauthorized_token")
        if not self.is_permitted:
            return fail(403, "forbidden")
        try:
            asked: dict[str, Any] = json.loads(request.body)
        except ValueError:
            return fail(400, "invalid_parameter")
        audience = asked.get("audience")
        if (
            request.method != "POST"
            or request.first("service_id") != self.dfinery.service_id
            or set(asked) - FIELDS
            or asked.get("properties_condition_type") not in CONDITIONS
            or not is_names(asked.get("properties", []))
            or (audience is not None and audience not in self.audiences)
        ):
            return fail(400, "invalid_parameter")
        columns = [name for name in PROPERTIES if is_chosen(asked, "properties", name)]
        numbers = self.users if audience is None else self.audiences[audience]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=self.dfinery.line_end)
        writer.writerow([KEY, *columns])
        for profile in map(self.profile, numbers):
            writer.writerow([profile[name] for name in (KEY, *columns)])
        return Response(200, text.getvalue().encode(), {"Content-Type": "text/csv"}, "chunks")

    def profile(self, number: int) -> dict[str, str]:
        """Return the profile of a user, as texts."""
        chance = random.Random(f"profile{number}")  # noqa: S311 - sandbox data
        optins = [name for name in PROPERTIES if name.endswith("_optin")]
        return {
            KEY: f"U{number}",
            "df_name": chance.choice(("김지우", "Lee, Min", "")),
            "df_gender": chance.choice(("female", "male", "")),
            "df_birth": chance.choice(("1969-12-31", "2001-02-03", "")),
            "df_membership": chance.choice(("gold", "")),
            **{name: chance.choice(("TRUE", "FALSE", "")) for name in optins},
            "hobbies": chance.choice(("null", '["책","여행"]', "[]")),
            "points": str(self.points.get(number, chance.randrange(2**60))),
            "memo": chance.choice(("", "첫째 줄\n둘째 줄", 'says "hi"')),
        }
