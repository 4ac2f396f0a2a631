"""The sandbox's Infobip is as strict, and as lenient, as the vendor's documents."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.server import Request

NOW = datetime(2026, 3, 10, tzinfo=UTC)
PATH = "/peopleevents/1/export"
BODY: dict[str, Any] = {
    "roleArn": "arn:aws:iam::000000000000:role/export",
    "bucket": "b",
    "region": "EU_CENTRAL_1",
    "startTime": "2026-03-01T00:00:00.000+0000",
    "endTime": "2026-03-02T00:00:00.000+0000",
}
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SMS = {"smsDelivered", "smsSeen"}


@pytest.fixture
def files() -> dict[str, bytes]:
    return {}


@pytest.fixture
def infobip(files: dict[str, bytes]) -> Infobip:
    return Infobip(History(480), files.__setitem__, lambda: NOW, steps=("IN_PROGRESS",))


def ask(infobip: Infobip, method: str, path: str = "", **body: Any) -> tuple[int, Any]:
    headers = {"authorization": f"App {infobip.api_key}", "accept": "application/json"}
    request = Request(method, PATH + path, (), headers, json.dumps(body).encode())
    response = infobip.answer(request)
    return response.status, json.loads(response.body or b"null")


def exported(infobip: Infobip, **changed: Any) -> list[dict[str, Any]]:
    """The rows of one export."""
    files: dict[str, bytes] = {}
    infobip.put = files.__setitem__
    status, told = ask(infobip, "POST", **{**BODY, **changed})
    assert status == 202, told
    for _ in range(3):
        ask(infobip, "GET", f"/status/{told['requestId']}")
    lines = b"\n".join(gzip.decompress(files[key]) for key in sorted(files)).split(b"\n")
    return [json.loads(line) for line in lines if line]


def at(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.000+0000"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"roleArn": ""}, "roleArn"),
        ({"roleArn": "export"}, "roleArn"),
        ({"bucket": None}, "bucket"),
        ({"region": "eu-central-1"}, "region"),
        ({"directoryPath": "a"}, "directoryPath"),
        ({"directoryPath": "a b/"}, "directoryPath"),
        ({"startTime": "2026-03-01T00:00:00+0000"}, "startTime"),
        ({"startTime": "2026-03-01T00:00:00.000Z"}, "startTime"),
        ({"endTime": "2026-03-02T00:00:00.000+00:00"}, "endTime"),
        ({"endTime": "2026-03-02T00:00:00.001+0000"}, "endTime"),
        ({"endTime": BODY["startTime"]}, "endTime"),
        ({"startTime": at(NOW - HOUR), "endTime": at(NOW + HOUR)}, "endTime"),
        ({"startTime": at(NOW + HOUR), "endTime": at(NOW + 2 * HOUR)}, "startTime"),
        (
            {
                "startTime": "2025-03-01T00:00:00.000+0000",
                "endTime": "2025-03-02T00:00:00.000+0000",
            },
            "startTime",
        ),
        ({"definitionIdList": ["pageView", "pageView"]}, "definitionIdList"),
        ({"definitionIdList": [f"a{number}" for number in range(201)]}, "definitionIdList"),
        ({"definitionIdList": [5]}, "definitionIdList"),
        ({"enrichWithMomentsInfo": "yes"}, "enrichWithMomentsInfo"),
        ({"whatever": 1}, "whatever"),
    ],
)
def test_a_wrong_field_is_named(infobip: Infobip, changed: dict[str, Any], field: str) -> None:
    status, told = ask(infobip, "POST", **{**BODY, **changed})
    assert status == 400
    assert field in told["requestError"]["serviceException"]["validationErrors"]
    infobip.envelope = "errorCode"
    status, told = ask(infobip, "POST", **{**BODY, **changed})
    assert (status, told["errorCode"]) == (400, "BAD_REQUEST")
    assert field in [each["property"] for each in told["violations"]]
    assert not infobip.exports


def test_a_list_is_expanded_and_its_matches_are_limited(infobip: Infobip) -> None:
    rows = exported(infobip, definitionIdList=["sms*"])
    assert {row["definitionId"] for row in rows} == {"smsDelivered", "smsSeen"}
    assert {
        row["definitionId"] for row in exported(infobip, definitionIdList=["*View", "purchase"])
    } == {"pageView", "purchase"}
    infobip.definitions = tuple(f"sms{number}" for number in range(201))
    assert ask(infobip, "POST", **{**BODY, "definitionIdList": ["sms*"]})[0] == 400
    assert ask(infobip, "POST", **{**BODY, "definitionIdList": ["sms1*"]})[0] == 202


def test_no_more_than_72_hours_are_in_progress(infobip: Infobip) -> None:
    answers = [ask(infobip, "POST", **BODY) for _ in range(4)]
    assert [status for status, _ in answers] == [202, 202, 202, 429]
    infobip.end_all()
    assert ask(infobip, "POST", **BODY)[0] == 202


def test_exports_that_nobody_asks_after_end(infobip: Infobip) -> None:
    told = [ask(infobip, "POST", **BODY)[1] for _ in range(3)]
    infobip.now = lambda: NOW + timedelta(seconds=6)
    assert ask(infobip, "POST", **BODY)[0] == 202
    answers = [ask(infobip, "GET", f"/status/{each['requestId']}") for each in told]
    assert {answer["status"] for _, answer in answers} == {"COMPLETED_SUCCESSFULLY"}


def test_an_export_is_cancelled_in_a_while(infobip: Infobip, files: dict[str, bytes]) -> None:
    infobip.steps = ("SUBMITTED", "IN_PROGRESS", "IN_PROGRESS")
    _, told = ask(infobip, "POST", **BODY)
    path = f"/{told['requestId']}"
    assert ask(infobip, "DELETE", path)[0] == 202
    assert ask(infobip, "DELETE", path)[0] == 409
    statuses = [ask(infobip, "GET", f"/status{path}")[1]["status"] for _ in range(3)]
    assert statuses == ["SUBMITTED", "CANCELLED_BY_CUSTOMER", "CANCELLED_BY_CUSTOMER"]
    assert ask(infobip, "DELETE", path)[0] == 409
    assert ask(infobip, "DELETE", "/unknown")[0] == 404
    assert not files


def test_an_export_that_has_ended_can_not_be_cancelled(infobip: Infobip) -> None:
    exported(infobip)
    (request_id,) = infobip.exports
    assert ask(infobip, "DELETE", f"/{request_id}")[0] == 409


def test_files_are_named_by_both_times(infobip: Infobip, files: dict[str, bytes]) -> None:
    infobip.rows_per_file = 100
    _, told = ask(infobip, "POST", **{**BODY, "directoryPath": "a/b/"})
    infobip.end_all()
    name = re.compile(rf"a/b/{told['requestId']}-events-(\d{{17}})-(\d{{17}})\.json\.gz")
    times = [found.groups() for key in sorted(files) if (found := name.fullmatch(key))]
    assert len(times) == len(files) == 5
    assert (times[0][0], times[-1][1]) == ("20260301000000000", "20260302000000000")


def test_both_forms_of_rows(infobip: Infobip) -> None:
    present = exported(infobip)
    infobip.row_form = "older"
    older = exported(infobip)
    assert len(older) == len(present)
    assert len({row["eventId"] for row in older}) == len(older)
    assert {"occuredTime", "sessionId", "url"} <= older[0].keys()
    assert not {"timestamp", "properties"} & older[0].keys()
    infobip.row_form = "mixed"
    assert {"eventId" in row for row in exported(infobip)} == {True, False}


def test_events_of_campaigns_are_enriched_where_that_is_asked_for(infobip: Infobip) -> None:
    assert not any("campaignName" in row for row in exported(infobip))
    rows = exported(infobip, enrichWithMomentsInfo=True)
    assert {row["definitionId"] for row in rows if "campaignName" in row} == {
        "smsDelivered",
        "smsSeen",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"{", b"null"])
def test_a_body_that_is_no_object_is_refused(infobip: Infobip, body: bytes) -> None:
    headers = {"authorization": f"App {infobip.api_key}", "accept": "application/json"}
    assert infobip.answer(Request("POST", PATH, (), headers, body)).status == 400
