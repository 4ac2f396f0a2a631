"""Simulates HappyTalk's service history, according to its page.

Undocumented behaviour can be set: the order, whether the end is inclusive, and the form of an empty
period, a success, a list and a missing date.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from tap_eventexport.sandbox.server import Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_eventexport.sandbox.history import Chapters, History, Moment

KST = timezone(timedelta(hours=9))
SECOND = timedelta(seconds=1)
FIELDS = {"token", "start_date", "end_date", "format"}
TWIN_EVERY = 40  # one of this many actions happens twice in the same second
USERS = ("kim", "test-lc", "이상담")
CONTENTS = (
    (
        "S",
        "ConsultCategory",
        "상담분류 변경 [방] - 상품문의(샘플)>일반상담 → 상품문의(샘플)>불만접수",
    ),
    ("S", "ManagerEdit", "설정 변경, a=1, b=2,msg=3"),
    ("K", "KeyIssue", "키 발급\n두 번째 줄"),
    ("A", "Archive", "아카이브 → 완료"),
)
LOGIN = ("S", "Login", "[WEB] 상담원 로그인. IP - 192.168.1.100")


@dataclass(frozen=True, slots=True)
class Done:
    """One action in the service."""

    identity: str
    time: datetime  # whole seconds
    kind: str
    event_name: str
    content: str
    user: str
    is_login: bool


@dataclass(slots=True)
class HappyTalk:
    """The service history of one customer.

    Attributes:
        history: When actions happen.
        now: The vendor's clock.
        token: The only token that is accepted.
        order: The order of a period's entries.
        is_end_inclusive: Whether an entry at `end_date` is returned.
        empty: The value of `data` if there are no entries.
        clientip: The users' last log-in address.
        success: The value of `result` for a success.
        data_form: Whether `data` is a list, or an object with numbers as names, as PHP makes it
            from a list without its log-ins.
        zero_date: The date of an action that was never applied.
        change: Changes an entry before it is sent.
    """

    history: History | Chapters
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    token: str = "sandbox-happytalk-token"  # noqa: S105 - the sandbox's own
    order: Literal["ascending", "descending", "shuffled"] = "descending"
    is_end_inclusive: bool = True
    empty: Any = field(default_factory=list)
    clientip: str = "127.0.0.1"
    success: Any = "success"
    data_form: Literal["list", "object"] = "list"
    zero_date: str | None = "0000-00-00 00:00:00"
    change: Callable[[Any], Any] = field(default=lambda entry: entry)
    path: str = "/user/api/service-history"

    def answer(self, request: Request) -> Response:
        """Answer according to the vendor's page."""
        try:
            asked = json.loads(request.body)
        except ValueError:
            return Response(400)
        if request.method != "POST" or not isinstance(asked, dict) or set(asked) - FIELDS:
            return Response(400)
        if asked.get("token") != self.token:
            return _fail(-501, "token")
        try:
            start, end = (
                datetime.strptime(asked[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST)
                for name in ("start_date", "end_date")
            )
        except (KeyError, TypeError, ValueError):
            return _fail(-400, "date")
        if not timedelta(0) <= end - start < timedelta(hours=24):
            return _fail(-504, "overDate")
        until = end + SECOND if self.is_end_inclusive else end
        entries = self._ordered(self._entries(start, until))
        is_raw = asked.get("format", "siem") == "raw"
        sent = {
            number: self.change(self._raw(entry) if is_raw else self._siem(entry))
            for number, entry in enumerate(entries)
            if is_raw or not entry.is_login
        }
        data: Any = sent if self.data_form == "object" else list(sent.values())
        return json_response(200, {"result": self.success, "data": data or self.empty})

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """Return the ids, or the lines, of the actions in [start, end)."""
        entries = self._entries(start, end)
        match stream:
            case "happytalk_service_history":
                return [entry.identity for entry in entries]
            case "happytalk_siem_events":
                return [self._siem(entry) for entry in entries if not entry.is_login]
        return None

    def _entries(self, start: datetime, end: datetime) -> Iterator[Done]:
        now = self.now()
        for moment in self.history.between(start, min(end, now)):
            if moment.arrival <= now:
                entry = _entry(moment)
                yield entry
                if moment.index % TWIN_EVERY == 0:
                    yield _entry(moment, "t")

    def _ordered(self, entries: Iterator[Done]) -> list[Done]:
        ordered = list(entries)
        if self.order == "descending":
            ordered.reverse()
        if self.order == "shuffled":
            random.Random(len(ordered)).shuffle(ordered)  # noqa: S311
        return ordered

    def _raw(self, entry: Done) -> dict[str, str | None]:
        time = entry.time.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
        return {
            "id": entry.identity,
            "type": "A",
            "kind": entry.kind,
            "request_user": entry.user,
            "request_content": entry.content,
            "request_date": time,
            "apply_id": "37197",
            "apply_content": "로그인" if entry.is_login else "성공",
            "apply_date": time if entry.is_login else self.zero_date,
        }

    def _siem(self, entry: Done) -> str:
        time = entry.time.astimezone(KST).strftime("%b %d %Y %H:%M:%S.000 KST")
        return (
            f"{time},Event_name={entry.event_name},Result=Succeeded,user={entry.user},"
            f"clientip={self.clientip},msg={entry.content}"
        )


def _fail(code: int, message: str) -> Response:
    return json_response(200, {"result": "fail", "code": code, "message": message})


def _entry(moment: Moment, twin: str = "") -> Done:
    chance = moment.random()
    is_login = moment.index % 5 == 1
    kind, name, content = LOGIN if is_login else chance.choice(CONTENTS)
    time = moment.time.replace(microsecond=0)
    user = chance.choice(USERS)
    return Done(f"{146000 + moment.index}{twin}", time, kind, name, content, user, is_login)
