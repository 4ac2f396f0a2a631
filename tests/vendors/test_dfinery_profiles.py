"""dfinery_user_profiles: personal data, whole, once a day, where a catalog selects it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.dfinery_profiles import DfineryProfiles
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Fault, Response, Sandbox
from tests.singer import HURRIED, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM, KEY = "dfinery_user_profiles", "df_unified_id"
NOW = datetime(2026, 3, 20, 3, 4, 5, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LISTED = {"hobbies": "array", "points": "integer"}


@contextmanager
def serving(
    folder: Path, users: int = 7, **settings: Any
) -> Iterator[tuple[Tap, DfineryProfiles, Sandbox]]:
    """The command with a catalog that selects profiles alone."""
    shift = NOW - datetime.now(UTC)
    dfinery = Dfinery(History(24), lambda: datetime.now(UTC) + shift)
    vendor = DfineryProfiles(dfinery, list(range(users)))
    with Sandbox([dfinery, vendor]) as sandbox:
        chosen = {
            "dfinery_api_token": dfinery.token,
            "dfinery_service_id": dfinery.service_id,
            "dfinery_api_url": sandbox.url,
            **settings,
        }
        tap = Tap(folder, shift.total_seconds(), HURRIED, ["dfinery_events"], [STREAM], **chosen)
        yield tap, vendor, sandbox


def later(tap: Tap, passed: timedelta) -> Tap:
    """The same command at a later time."""
    shift = tap.shift + passed.total_seconds()
    return Tap(tap.folder, shift, HURRIED, tap.without, tap.beside, **tap.settings)


def expected(profile: dict[str, str]) -> dict[str, Any]:
    """What the record of a profile must be, without types of the settings."""
    words = {"": None, "TRUE": True, "FALSE": False}
    return {
        name: words[text] if name.endswith("_optin") else text or None
        for name, text in profile.items()
    }


def test_every_profile_arrives_with_all_its_columns(tmp_path: Path) -> None:
    with serving(tmp_path, 2500) as (tap, vendor, sandbox):
        heard = tap.read()
    assert heard.records[STREAM] == [expected(vendor.profile(n)) for n in vendor.users]
    assert [request.path for request in sandbox.requests] == [vendor.path]
    assert json.loads(sandbox.requests[0].body) == {"properties_condition_type": "all"}
    assert heard.states[-1]["bookmarks"][STREAM].keys() == {"read_at", "sent"}


def test_columns_have_the_types_of_the_settings(tmp_path: Path) -> None:
    with serving(tmp_path, dfinery_property_types=LISTED) as (tap, vendor, _):
        records = tap.read().records[STREAM]
    for record, number in zip(records, vendor.users, strict=True):
        profile = vendor.profile(number)
        assert record["points"] == int(profile["points"])
        assert record["hobbies"] == json.loads(profile["hobbies"])


def test_a_request_holds_what_the_settings_choose(tmp_path: Path) -> None:
    chosen: dict[str, Any] = {
        "dfinery_profile_audience": "vips",
        "dfinery_profile_properties": ["df_membership", "points"],
    }
    with serving(tmp_path, **chosen) as (tap, vendor, sandbox):
        vendor.audiences["vips"] = [1, 5]
        records = tap.read().records[STREAM]
    assert json.loads(sandbox.requests[0].body) == {
        "audience": "vips",
        "properties": ["df_membership", "points"],
        "properties_condition_type": "include",
    }
    assert [record[KEY] for record in records] == ["U1", "U5"]
    assert {name for record in records for name in record} == {KEY, "df_membership", "points"}


def test_it_is_read_once_a_day_and_sent_whole_when_it_has_changed(tmp_path: Path) -> None:
    with serving(tmp_path) as (tap, vendor, sandbox):
        first = tap.read()
        sandbox.requests.clear()
        vendor.points[3] = 5
        young = later(tap, DAY - MINUTE).read(state=first.states[-1])
        assert (sandbox.requests, young.records) == ([], {})
        changed = later(tap, DAY).read(state=young.states[-1])
        same = later(tap, 2 * DAY).run(state=changed.states[-1])
        asked = tap.read(state=same.heard.states[-1], lookback_resend="all")
    assert len(changed.records[STREAM]) == len(asked.records[STREAM]) == 7
    assert same.heard.records == {}
    assert "7 unchanged and not sent" in same.log


def test_without_a_catalog_no_profile_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, start_date=(NOW - DAY).isoformat()) as (tap, vendor, sandbox):
        tap.without, tap.beside = (), ()
        heard = tap.read()
        assert tap.run("--test").code == 0
        assert tap.run("--discover").code == 0
    assert heard.records.keys() == {"dfinery_events"}
    assert vendor.path not in {request.path for request in sandbox.requests}


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(200), "answered twice without a CSV of user profiles"),
        (Response(200, b"<html>"), "its header has no df_unified_id"),
        (Response(200, b"df_unified_id,a\nU1\n"), "row 1 has 1 fields, the header 2"),
        (Response(200, b"df_unified_id,a\n,x\n"), "column df_unified_id, row 1: it is empty"),
        (Response(200, b'df_unified_id\nU1\n{"result":"fail"}'), "an error message"),
        (Response(200, b"df_unified_id,df_push_ads_optin\nU1,perhaps\n"), "not of type boolean"),
        (Response(403), "it must be the service's Export token"),
    ],
)
def test_what_is_no_complete_csv_is_an_error_and_nothing_is_promised(
    tmp_path: Path, response: Response, words: str
) -> None:
    with serving(tmp_path) as (tap, _, sandbox):
        sandbox.faults[:] = [Fault("answer", times=99, response=response)]
        done = tap.run()
    assert done.code == 1
    assert words in done.log_line(f"{STREAM} failed: ")
    assert (done.heard.records, done.heard.states) == ({}, [])


def test_no_users_are_no_records(tmp_path: Path) -> None:
    with serving(tmp_path, 0) as (tap, _, _sandbox):
        heard = tap.read()
    assert not heard.records
    assert heard.states[-1]["bookmarks"][STREAM]["sent"]["spans"]


def test_a_loader_is_told_who_is_still_there_if_that_is_wanted(tmp_path: Path) -> None:
    with serving(tmp_path, dfinery_profile_activate_version=True) as (tap, vendor, _):
        first = tap.run()
        same = later(tap, DAY).read(state=first.heard.states[-1])
        del vendor.users[2:]
        fewer = later(tap, 2 * DAY).run(state=same.states[-1])
        plain = tap.run(dfinery_profile_activate_version=False)
        storage = {"root": tmp_path.as_uri()}
        encoding = {"format": "jsonl", "compression": "gzip"}
        batch = tap.run(batch_config={"encoding": encoding, "storage": storage})
        vendor.users.clear()
        none = later(tap, 3 * DAY).read(state=fewer.heard.states[-1])
    for run, records in ((first, 7), (fewer, 2)):
        messages = [json.loads(line) for line in run.lines]
        kinds = [message["type"] for message in messages]
        (version,) = {each["version"] for each in messages if each["type"] == "RECORD"}
        told = [kind for kind in kinds if kind in {"RECORD", "ACTIVATE_VERSION"}]
        assert told == [*["RECORD"] * records, "ACTIVATE_VERSION"]
        assert "STATE" not in kinds[kinds.index("RECORD") : kinds.index("ACTIVATE_VERSION")]
        assert kinds[-1] == "STATE"
        assert run.heard.versions == [(STREAM, version)]
    assert first.heard.versions < fewer.heard.versions
    assert (same.versions, plain.heard.versions, batch.heard.versions, none.versions) == (
        [],
        [],
        [],
        [],
    )
    assert "batch_config leaves no room for versions" in batch.log
