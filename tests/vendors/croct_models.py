"""Sessions and users as the vendor's client for Node describes them (docs/Session.md, User.md)."""

from __future__ import annotations

from typing import Any

TEXT, MAYBE = {"type": "string"}, {"type": ["string", "null"]}
UUID, WHOLE = {"type": "string", "format": "uuid"}, {"type": "integer"}
OPEN = {"type": "object"}


def model(**fields: Any) -> dict[str, Any]:
    """An object that has exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def maybe(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


BROWSER = model(name=MAYBE, version=MAYBE, type=TEXT)
DEVICE = model(
    name=MAYBE,
    vendor=MAYBE,
    category=TEXT,
    operatingSystem=maybe(model(name=MAYBE, version=MAYBE)),
)
LOCATION = model(
    continent=TEXT,
    country=TEXT,
    region=maybe(model(name=TEXT, code=TEXT)),
    city=MAYBE,
    district=MAYBE,
    timezone=MAYBE,
    coordinates=maybe(model(latitude={"type": "number"}, longitude={"type": "number"})),
    currency=maybe(model(name=TEXT, code=TEXT)),
    phoneCode=MAYBE,
    population=MAYBE,
    postalCode=MAYBE,
    languages={"type": "array", "items": TEXT},
    tags={"type": "array", "items": TEXT},
    source=MAYBE,
)
SESSION = model(
    sessionId=UUID,
    userId=UUID,
    parentId=maybe(UUID),
    externalUserId=MAYBE,
    window=model(start=WHOLE, end=WHOLE),
    closeTime=WHOLE,
    referrer=MAYBE,
    landingPageUrl=MAYBE,
    campaign=model(name=MAYBE, source=MAYBE, medium=MAYBE, content=MAYBE, term=MAYBE),
    location=LOCATION,
    client=model(browser=BROWSER, device=DEVICE),
    attributes=OPEN,
    statistics=model(pageViews=WHOLE, tabViews=WHOLE, orders=WHOLE),
)
USER = model(
    userId=UUID,
    externalUserId=MAYBE,
    firstName=MAYBE,
    lastName=MAYBE,
    birthDate={"type": ["integer", "null"]},
    gender=TEXT,
    email=MAYBE,
    alternateEmail=MAYBE,
    phone=MAYBE,
    alternatePhone=MAYBE,
    address=model(
        street=MAYBE, district=MAYBE, city=MAYBE, region=MAYBE, country=MAYBE, postalCode=MAYBE
    ),
    avatar=MAYBE,
    company=MAYBE,
    companyUrl=MAYBE,
    jobTitle=MAYBE,
    activities={"type": "array", "items": TEXT},
    interests={"type": "array", "items": TEXT},
    customAttributes=OPEN,
    lastModifiedTime=WHOLE,
    statistics=model(orders=WHOLE, sessions=WHOLE),
)
