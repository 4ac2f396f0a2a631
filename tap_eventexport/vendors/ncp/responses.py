"""Parses Naver Cloud's responses to a search: events, or an error and what to do about it.

https://api.ncloud-docs.com/docs/apigateway-dashboardevent-events
"""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from tap_eventexport.engine.bodies.extra import ExtraDecoder
from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.http.headers import clock_difference, retry_after
from tap_eventexport.engine.http.response import error_body, one_line, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tap_eventexport.engine.bodies.extra import Fields
    from tap_eventexport.engine.http.response import Response

CLOCK_TOLERANCE = timedelta(minutes=5)  # a signature that is older is refused
SUCCESSES = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
THROTTLE_PAUSE = 1.0  # seconds; the limits 410 and 420 are per second
QUOTA, THROTTLES = "400", {"410", "420"}  # error codes under HTTP 429
PERMISSION = "210"
NO_TENANT, LATER = "10008", "80031"  # error codes under 404 and 400
ENVELOPES = ("error", "responseError", "status")
TRACES = ("x-ncp-trace-id", "x-ncp-apigw-request-id")


class RefusedSearchError(FatalVendorError):
    """The search itself is not accepted."""


class Event(NamedTuple):
    """One event.

    Attributes:
        time: Naive, in the time zone of the request.
        extra: The fields without a column.
    """

    time: str
    level: str | None
    type: str | None
    message: str | None
    extra: Fields


class Found(NamedTuple):
    """The events in a response.

    Attributes:
        total: The total number of events according to the vendor; None if it sends none.
        new_names: The names of fields without a column.
        size: The response's size in bytes.
    """

    events: Sequence[Event]
    total: int | None
    new_names: Collection[str]
    size: int


class AnyEvent(msgspec.Struct):
    """One event of a response: texts, or numbers instead of texts."""

    time: Any = None
    level: Any = None
    type: Any = None
    message: Any = None


class KnownEvent(AnyEvent, forbid_unknown_fields=True):
    """An event according to the vendor's documentation."""


Item = TypeVar("Item")


class Events(msgspec.Struct, Generic[Item]):
    """The rows from an offset on, and the total number of rows."""

    content: list[Item] | dict[str, Any] | None = None
    total: Any = None


class Search(msgspec.Struct, Generic[Item]):
    """One response."""

    events: Events[Item] | list[Any] | None = None
    total: Any = None


def _content(search: Search[Item]) -> list[Item]:
    """Return the events of a response.

    Raises:
        ValidationError: If it has no events, and doesn't say that there are none.
    """
    events, total = search.events, search.total
    content: Any = events
    if isinstance(events, Events):
        content, total = events.content, events.total
    if isinstance(events, Events) and isinstance(content, list):
        return content
    if not content and (content == [] or whole_number(total) == 0):
        return []
    raise msgspec.ValidationError("no events.content")


_decode = ExtraDecoder[Search[Any]](
    AnyEvent,
    strict=msgspec.json.Decoder(Search[KnownEvent], float_hook=str).decode,
    lenient=msgspec.json.Decoder(Search[AnyEvent], float_hook=str).decode,
    raw=msgspec.json.Decoder(Search[dict[str, msgspec.Raw]]).decode,
    events=_content,
)
_whole = re.compile(r"\d{1,19}(?:\.0*)?", re.ASCII)


def whole_number(value: object) -> int | None:
    """Parse a count, from a number or a text; None if it isn't one."""
    found = _whole.fullmatch(str(value))
    return int(found[0].partition(".")[0]) if found else None


def read(response: Response) -> Found:
    """Return the events in a response.

    Raises:
        RateLimitedError: If a quota or a rate is exceeded, or the vendor asks to try again later.
        RetriableVendorError: If the response isn't a complete search.
        FatalVendorError: If the user must do something.
    """
    if response.status < HTTPStatus.BAD_REQUEST and response.status not in SUCCESSES:
        raise RetriableVendorError(f"{response}, which is not a complete search for events")
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        _refuse_known_limits(response)
    return parse(response, _found, "search for events", _refusal)


def _refuse_known_limits(response: Response) -> None:
    """Raise an error for a rate or for a quota, if the error code shows which."""
    code, problem = _problem(response)
    if code in THROTTLES:
        raise RateLimitedError(f"Naver Cloud's rate is exceeded ({problem})", THROTTLE_PAUSE)
    if code == QUOTA:
        raise RateLimitedError(f"Naver Cloud's quota is exceeded ({problem})")


def _refusal(response: Response) -> Exception:
    code, problem = _problem(response)
    is_bad = response.status == HTTPStatus.BAD_REQUEST
    if is_bad and (code == LATER or "try again" in problem.lower()):
        return RateLimitedError(
            f"Naver Cloud asks to try again later ({problem})", retry_after(response.headers)
        )
    kind = RefusedSearchError if is_bad else FatalVendorError
    return kind(f"Naver Cloud refused the request ({problem}): {_advice(response, code, problem)}")


def _found(body: bytes) -> Found:
    search, extras, names = _decode(body)
    events = [
        Event(
            _text(event.time) or "",
            _text(event.level),
            _text(event.type),
            _text(event.message),
            extra,
        )
        for event, extra in zip(_content(search), extras, strict=True)
    ]
    total = search.events.total if isinstance(search.events, Events) else search.total
    return Found(events, whole_number(total), names, len(body))


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """Return a value as text; a number as its digits."""
    if value is None or type(value) is str:
        return value
    return msgspec.json.encode(value).decode()


def _advice(response: Response, code: str, problem: str) -> str:
    match response.status:
        case HTTPStatus.UNAUTHORIZED if code != PERMISSION:
            return _clock_advice(response) or (
                "check ncp_access_key and ncp_secret_key, and that they belong to the site of "
                "ncp_api_url (the public, gov and fin sites have different keys)"
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return "the account of ncp_access_key needs the policy NCP_API_GATEWAY_VIEWER"
        case HTTPStatus.NOT_FOUND if code == NO_TENANT or "tenantid" in problem.lower():
            return (
                "the account of ncp_access_key has not activated API Gateway; activate it in the "
                "console of the site that ncp_api_url belongs to"
            )
        case HTTPStatus.NOT_FOUND:
            return "check ncp_api_url"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "set a smaller ncp_page_size"
        case _:
            return "check ncp_time_zone, ncp_event_levels, ncp_event_types and ncp_page_size"


def _clock_advice(response: Response) -> str:
    """Return what to do about a wrong clock; empty if it is right."""
    difference = clock_difference(response.headers)
    if abs(difference) < CLOCK_TOLERANCE:
        return ""
    minutes = round(abs(difference).total_seconds() / 60)
    way = "ahead of" if difference > timedelta(0) else "behind"
    return (
        f"this machine's clock is {minutes} minutes {way} Naver Cloud's, and a signature "
        "more than 5 minutes off is refused; set the clock"
    )


def _problem(response: Response) -> tuple[str, str]:
    """Return the error code and the vendor's message; the JSON around them differs."""
    body = error_body(response)
    inner = (body[name] for name in ENVELOPES if isinstance(body.get(name), dict))
    error: Mapping[str, Any] = next(inner, body)
    code = _first(error, ("errorCode", "returnCode", "code"))
    words = [_first(error, (name,)) for name in ("message", "returnMessage", "msg", "details")]
    traces = [
        f"{name} {one_line(response.headers[name])}" for name in TRACES if name in response.headers
    ]
    said = [f"HTTP {response.status}", f"error code {code}" if code else "", *words, *traces]
    return code, ", ".join(part for part in said if part)


def _first(error: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((one_line(error[name]) for name in names if error.get(name) is not None), "")
