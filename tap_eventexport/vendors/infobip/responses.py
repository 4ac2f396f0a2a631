"""Parses the responses and errors of Infobip's export API.

https://www.infobip.com/docs/api/customer-engagement/people/create-events-export-request
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.errors import (
    FatalVendorError,
    RateLimitedError,
    RetriableVendorError,
)
from tap_eventexport.engine.http.response import Response, error_body, one_line, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENVELOPES = ("requestError", "errorCode")
REFUSALS: dict[str, int] = {
    "BAD_REQUEST": HTTPStatus.BAD_REQUEST,
    "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
    "FORBIDDEN": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
}
TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"

Result = TypeVar("Result")


class Submitted(msgspec.Struct):
    """The response to a submit."""

    requestId: str


class Status(msgspec.Struct):
    """The response to a request for an export's status."""

    status: str
    requestId: str | None = None
    message: Any = None


class Definitions(msgspec.Struct):
    """The response with the names of all kinds of events."""

    definitionIdList: list[str]


def reader(kind: type[Result]) -> Callable[[Response], Result]:
    """Return a parser for responses of one kind; it raises an error for any other response."""
    decode = msgspec.json.Decoder(kind).decode

    def read(response: Response) -> Result:
        if response.is_success:
            _refuse_error_in_success(response)
        return parse(response, decode, kind.__name__.lower(), _refusal)

    return read


def _refuse_error_in_success(response: Response) -> None:
    """Raise an error that came with a status of success, as if it had its own status."""
    body = error_body(response)
    if not any(body.get(name) for name in ENVELOPES):
        return
    code = str(_error(body).get("messageId") or body.get("errorCode"))
    refused = REFUSALS.get(code.upper())
    if refused:
        raise _refusal(response, status=refused)
    kind = RateLimitedError if code.upper() == TOO_MANY_REQUESTS else RetriableVendorError
    raise kind(f"{response.request} answered with an error ({problem(response)[0]})")


def _refusal(response: Response, status: int | None = None) -> FatalVendorError:
    said, fields = problem(response)
    advices: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: "check infobip_api_key",
        HTTPStatus.FORBIDDEN: "the key of infobip_api_key needs the scope people:manage",
        HTTPStatus.NOT_FOUND: "check infobip_api_url, the account's own base URL",
    }
    advice = advices.get(status or response.status, "check the infobip_ settings")
    return FatalVendorError(f"Infobip refused the request ({', '.join((said, *fields))}): {advice}")


def problem(response: Response) -> tuple[str, list[str]]:
    """Return the vendor's message, and the invalid fields that it names.

    `{"requestError": {"serviceException": {"messageId", "text", "validationErrors"}}}`, or in newer
    APIs `{"errorCode", "description", "violations"}`, or no JSON.
    """
    error = _error(error_body(response))
    words = [error.get(name) for name in ("messageId", "errorCode", "text", "description")]
    said = [f"HTTP {response.status}", *(one_line(word) for word in words if word)]
    fields, violations = error.get("validationErrors"), error.get("violations")
    named = list(fields.items()) if isinstance(fields, dict) else []
    for each in violations if isinstance(violations, list) else ():
        if isinstance(each, dict):
            named.append((each.get("property"), each.get("violation")))
    return ", ".join(said), [one_line(f"{name}: {reason}") for name, reason in named]


def _error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a response with the error's message."""
    inner = body.get("requestError")
    inner = inner.get("serviceException") if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else body
