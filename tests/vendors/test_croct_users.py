"""croct_users: personal data, which only a catalog selects."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import EVENTS, SESSIONS, USERS
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Request, Response, Sandbox, json_response
from tests.conftest import CROCT_KEY, END, START
from tests.singer import HURRIED, Tap
from tests.vendors.croct_models import USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = "croct_users"
OTHERS = ("croct_events", "croct_sessions")
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = (START + timedelta(hours=12) - EPOCH) // MILLISECOND


@contextmanager
def serving(folder: Path, *vendors: Any, **settings: Any) -> Iterator[tuple[Tap, Sandbox]]:
    """The command with a catalog that selects users alone."""
    with Sandbox(vendors) as sandbox:
        chosen: dict[str, Any] = {
            "croct_api_key": CROCT_KEY,
            "croct_api_url": sandbox.url,
            "croct_page_size": 10,
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
            **settings,
        }
        yield Tap(folder, pause=HURRIED, without=OTHERS, beside=[STREAM], **chosen), sandbox


class Told:
    """A vendor that has some users."""

    path = "/export/user"

    def __init__(self, *users: dict[str, Any]) -> None:
        self.users = users

    def answer(self, request: Request) -> Response:
        start, end = (int(request.first(name) or 0) for name in ("start", "end"))
        items = [user for user in self.users if start <= user["lastModifiedTime"] < end]
        return json_response(200, {"items": items, "nextCursor": None})

    def truth(self, *_: object) -> None:
        """A test knows it."""


def user(**fields: Any) -> dict[str, Any]:
    return {"userId": "u", "lastModifiedTime": NOON, **fields}


def record(folder: Path, **fields: Any) -> dict[str, Any]:
    """The record of a user with some fields."""
    with serving(folder, Told(user(**fields))) as (tap, _):
        (made,) = tap.read().records[STREAM]
    return made


def test_every_user_of_the_sandbox_is_one_of_the_vendors_and_arrives_as_it_is(
    tmp_path: Path,
) -> None:
    users = Croct(History(240), api_key=CROCT_KEY, kind=USERS)
    with serving(tmp_path, users) as (tap, sandbox):
        records = tap.read().records[STREAM]
    assert {request.path for request in sandbox.requests} == {"/export/user"}
    checker = Draft202012Validator(USER, format_checker=FormatChecker())
    expected = {}
    for user_id in users.truth(STREAM, START, END) or []:
        path = f"/export/user/{user_id}"
        answer = users.answer(Request("GET", path, (), {"x-api-key": CROCT_KEY}, b""))
        checker.validate(one := json.loads(answer.body))
        modified = EPOCH + one["lastModifiedTime"] * MILLISECOND
        born = one["birthDate"] and EPOCH + one["birthDate"] * MILLISECOND
        expected[user_id] = {
            **one,
            "lastModifiedTime": f"{modified:%Y-%m-%dT%H:%M:%S}.{modified.microsecond // 1000:03}Z",
            "birthDate": born and f"{born:%Y-%m-%d}",
            "_extra": None,
        }
    assert len(records) == len(expected) > 30
    assert {each["userId"]: each for each in records} == expected


def test_without_a_catalog_no_user_is_asked_for(tmp_path: Path) -> None:
    croct = Croct(History(240), api_key=CROCT_KEY)
    vendors = [replace(croct, kind=kind) for kind in (EVENTS, SESSIONS, USERS)]
    with serving(tmp_path, *vendors) as (tap, sandbox):
        tap.without, tap.beside = (), ()
        heard = tap.read()
        assert tap.run("--test").code == 0
        catalog = json.loads("\n".join(tap.run("--discover").lines))
    assert heard.records.keys() == set(OTHERS)
    assert not [request for request in sandbox.requests if request.path == "/export/user"]
    (entry,) = [each for each in catalog["streams"] if each["tap_stream_id"] == STREAM]
    (root,) = [each["metadata"] for each in entry["metadata"] if not each["breadcrumb"]]
    assert (root["selected"], root["selected-by-default"]) == (False, False)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        ("running, 요리", ["running, 요리"]),
        ("", []),
        ([], []),
        (None, None),
    ],
)
def test_texts_and_lists_arrive_as_lists(tmp_path: Path, said: Any, expected: Any) -> None:
    made = record(tmp_path, activities=said, interests=said)
    assert (made["activities"], made["interests"]) == (expected, expected)


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (-1, "1969-12-31"),
        (0, "1970-01-01"),
        (-941241600000, "1940-03-05"),
        (951782400000, "2000-02-29"),
        (None, None),
    ],
)
def test_a_birth_date_is_a_date_also_before_1970(
    tmp_path: Path, milliseconds: int | None, expected: str | None
) -> None:
    assert record(tmp_path, birthDate=milliseconds)["birthDate"] == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"birthDate": "1970-01-01"}, "in `$.items[0].birthDate`"),
        ({"birthDate": 10**17}, "at `$.items[0].birthDate`"),
        ({"activities": [1]}, "in `$.items[0].activities`"),
        ({"address": "Seoul"}, "in `$.items[0].address`"),
        ({"userId": None}, "has no userId"),
    ],
)
def test_a_user_of_another_form_is_named_and_not_sent(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    with serving(tmp_path, Told(user(email="kim@example.com", **fields))) as (tap, _):
        done = tap.run(environment={"LOGLEVEL": "DEBUG"})
    assert done.code == 1
    assert words in done.log_line(f"{STREAM} failed: ")
    assert not done.heard.records
    assert "kim@example.com" not in done.log


def test_a_user_who_is_modified_is_sent_again_and_no_other(tmp_path: Path) -> None:
    told = Told(*(user(userId=f"u{n}", lastModifiedTime=NOON + 3_600_000 * n) for n in range(9)))
    shift = START + timedelta(days=1) - datetime.now(UTC)
    with serving(tmp_path, told, lookback_minutes=1440) as (tap, _):
        del tap.settings["end_date"]
        now = Tap(tmp_path, shift.total_seconds(), HURRIED, tap.without, tap.beside, **tap.settings)
        first = now.read()
        assert len(first.records[STREAM]) == 9
        assert not now.read(state=first.states[-1]).records
        told.users[2].update(lastModifiedTime=NOON + 3_600_000 * 10, firstName="지우")
        again = now.read(state=first.states[-1])
    assert [each["userId"] for each in again.records[STREAM]] == ["u2"]
    assert again.records[STREAM][0]["firstName"] == "지우"


def test_columns_are_hashed_as_the_recipes_say(tmp_path: Path) -> None:
    maps = {
        STREAM: {
            "email": "sha256(config['hash_seed'] + email) if email else None",
            "phone": None,
            "_extra": None,
        }
    }
    chosen = {"stream_maps": maps, "stream_map_config": {"hash_seed": "a seed of the tests"}}
    users = Told(user(email="kim@example.com", phone="+82 10", nickname="kim"))
    with serving(tmp_path, users, **chosen) as (tap, _):
        (made,) = tap.read().records[STREAM]
    assert made["email"] == hashlib.sha256(b"a seed of the testskim@example.com").hexdigest()
    assert not {"phone", "_extra"} & made.keys()
