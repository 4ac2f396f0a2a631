"""What Infobip's export API answers, and what its refusals mean.

https://www.infobip.com/docs/api/customer-engagement/people/create-events-export-request
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_eventexport.engine.answers import decoded, envelope, quoted
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.http import Answer, refuse_passing_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")


class Submitted(msgspec.Struct):
    """The answer to a submit."""

    requestId: str


class Status(msgspec.Struct):
    """The answer to a question for an export's status."""

    status: str
    message: str | None = None


class Definitions(msgspec.Struct):
    """The names of all kinds of events."""

    definitionIdList: list[str]


def reader(kind: type[Result]) -> Callable[[Answer], Result]:
    """What takes an answer of one kind, or says why it is none."""
    decode = msgspec.json.Decoder(kind).decode

    def read(answer: Answer) -> Result:
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return decoded(answer, decode, kind.__name__.lower())
        refuse_passing_faults(answer)
        said, fields = problem(answer)
        advices: dict[int, str] = {
            HTTPStatus.UNAUTHORIZED: "check infobip_api_key",
            HTTPStatus.FORBIDDEN: "the key of infobip_api_key needs the scope people:manage",
            HTTPStatus.NOT_FOUND: "check infobip_api_url, the account's own base URL",
        }
        advice = advices.get(answer.status, "check the infobip_ settings")
        raise FatalVendorError(
            f"Infobip refused the request ({', '.join((said, *fields))}): {advice}"
        )

    return read


def problem(answer: Answer) -> tuple[str, list[str]]:
    """What the vendor says, and the fields that it finds fault with.

    `{"requestError": {"serviceException": {"messageId", "text", "validationErrors"}}}`, or of newer
    APIs `{"errorCode", "description"}`, or no JSON.
    """
    told = envelope(answer)
    inner = told.get("requestError")
    inner = inner.get("serviceException") if isinstance(inner, dict) else None
    error: Mapping[str, Any] = inner if isinstance(inner, dict) else told
    words = [error.get(name) for name in ("messageId", "errorCode", "text", "description")]
    said = [f"HTTP {answer.status}", *(quoted(word) for word in words if word)]
    fields = error.get("validationErrors")
    named = fields.items() if isinstance(fields, dict) else ()
    return ", ".join(said), [quoted(f"{name}: {reason}") for name, reason in named]
