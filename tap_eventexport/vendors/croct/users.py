"""Croct's users.

https://docs.croct.com/reference/api/service/data-export/endpoint/users
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.extra import COLUMN
from tap_eventexport.engine.bodies.fields import open_object, text
from tap_eventexport.vendors.croct.exports import CroctExport
from tap_eventexport.vendors.croct.items import day, decoder, texts

if TYPE_CHECKING:
    from tap_eventexport.vendors.croct.responses import Answered

CONTACTS = ("email", "alternateEmail", "phone", "alternatePhone")
WORK = ("avatar", "company", "companyUrl", "jobTitle")
TEXTS = ("externalUserId", "firstName", "lastName", "gender", *CONTACTS, *WORK)
LISTS, OBJECTS = ("activities", "interests"), ("address", "customAttributes", "statistics")
MEANINGS = {
    "externalUserId": "the application's own id; null for anonymous users",
    "firstName": "first name",
    "lastName": "last name",
    "gender": "UNKNOWN if it isn't known",
    "email": "address for e-mail",
    "alternateEmail": "another address for e-mail",
    "phone": "telephone number",
    "alternatePhone": "another telephone number",
    "avatar": "address of a picture",
    "company": "the user's company",
    "companyUrl": "the company's address",
    "jobTitle": "what the user is there",
    "birthDate": "day of birth",
    "activities": "what the user does",
    "interests": "what the user likes",
    "address": "street, district, city, region, country, postalCode",
    "customAttributes": "attributes that the workspace has defined",
    "statistics": "orders and sessions",
}

_decode = decoder(
    "userId",
    "lastModifiedTime",
    {
        **dict.fromkeys(TEXTS, text),
        "birthDate": day,
        **dict.fromkeys(LISTS, texts),
        **dict.fromkeys(OBJECTS, open_object),
    },
)


def _column(name: str, kind: Any) -> th.Property[Any]:  # noqa: ANN401 - a type of the SDK, or its class
    return th.Property(name, kind, description=MEANINGS[name])


class CroctUsers(CroctExport):
    """The users of the workspace, as they are now.

    `GET /export/user`. They are personal data, so they are read only if a catalog selects them.
    """

    name = "croct_users"
    record = "one user of the workspace, sent again when modified"
    primary_keys = ("userId",)
    replication_key = "lastModifiedTime"
    selected_by_default = False  # personal data
    path = "/export/user"
    items = "users"
    columns: ClassVar = th.PropertiesList(
        th.Property("userId", th.StringType, required=True, description="of the workspace"),
        th.Property(
            "lastModifiedTime", th.DateTimeType, required=True, description="not changed by a sync"
        ),
        *(_column(name, th.StringType) for name in TEXTS),
        _column("birthDate", th.DateType),
        *(_column(name, th.ArrayType(th.StringType)) for name in LISTS),
        *(_column(name, th.ObjectType(additional_properties=True)) for name in OBJECTS),
        COLUMN,
    )

    def decode(self, body: bytes) -> Answered:
        """Parse the body of a response."""
        return _decode(body)
