"""infobip_events by export jobs, through the real command: an API, and files in a real S3."""

from __future__ import annotations

import gzip
import json
import random
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.infobip import Infobip, error
from tap_eventexport.sandbox.infobip_definitions import InfobipDefinitions
from tap_eventexport.sandbox.infobip_rows import FORMS
from tap_eventexport.sandbox.server import Fault, Request, Response, Sandbox, json_response
from tests.conftest import START
from tests.relay import Edited
from tests.singer import COMMANDS, HURRIED, Heard, Tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.singer import Run

STREAM = "infobip_events"
KEY = "an-infobip-key-of-the-tests"
ROLE = "arn:aws:iam::000000000000:role/infobip-export"
NOON = START + timedelta(hours=12)
STYLES = ("+0000", "+00:00", "micro", "+09:00")
MIDNIGHT = START + timedelta(days=1)


@pytest.fixture
def directory(tmp_path: Path) -> str:
    """A directory of the test's own in the bucket."""
    return f"{tmp_path.parent.name}/{tmp_path.name}/"


@pytest.fixture
def infobip(store: Store) -> Infobip:
    return Infobip(History(480), store.put, api_key=KEY, steps=(), rows_per_file=50)


@pytest.fixture
def sandbox(infobip: Infobip) -> Iterator[Sandbox]:
    with Sandbox([infobip, InfobipDefinitions(KEY)]) as sandbox:
        yield sandbox


@pytest.fixture
def tap(tmp_path: Path, sandbox: Sandbox, store: Store, directory: str) -> Tap:
    """The tap over half a day, which is one export of several files."""
    settings: dict[str, Any] = store.settings
    return Tap(
        tmp_path,
        pause=HURRIED,
        without=("infobip_event_definitions",),
        infobip_api_key=KEY,
        infobip_api_url=sandbox.url,
        infobip_export_role_arn=ROLE,
        infobip_s3_directory=directory,
        start_date=START.isoformat(),
        end_date=NOON.isoformat(),
        **settings,
    )


def contents(heard: Heard) -> Counter[str]:
    """What the records say, without their keys and files."""
    return Counter(
        json.dumps(
            {name: value for name, value in record.items() if name not in {"event_key", "_file"}},
            sort_keys=True,
        )
        for record in heard.records.get(STREAM, [])
    )


def truth(infobip: Infobip, start: Any = START, end: Any = NOON) -> Counter[str]:
    return Counter(infobip.truth(STREAM, start, end) or [])


def keyed(*heard: Heard) -> dict[str, str]:
    """Content by key; a key never has two contents."""
    found: dict[str, str] = {}
    for each in heard:
        for record in each.records.get(STREAM, []):
            key = record["event_key"]
            content = json.dumps({**record, "_file": None}, sort_keys=True)
            assert found.setdefault(key, content) == content
    return found


def submits(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in sandbox.requests if request.method == "POST"]


def files(store: Store, directory: str) -> list[str]:
    return [key for key in store.listed() if key.startswith(directory)]


def test_an_export_is_asked_for_as_documented_and_read(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, directory: str, store: Store
) -> None:
    heard = tap.read(infobip_definition_ids=["pageView"], infobip_s3_region="eu-central-1")
    (body,) = submits(sandbox)
    assert body == {
        "roleArn": ROLE,
        "bucket": store.bucket,
        "region": "EU_CENTRAL_1",
        "startTime": "2026-02-28T23:59:59.999+0000",
        "endTime": "2026-03-01T12:00:00.000+0000",
        "directoryPath": directory,
        "definitionIdList": ["pageView"],
    }
    assert {request.headers["authorization"] for request in sandbox.requests} == {f"App {KEY}"}
    wanted = {
        content for content in truth(infobip) if json.loads(content)["definitionId"] == "pageView"
    }
    assert set(contents(heard)) == wanted
    record = heard.records[STREAM][0]
    assert record["_file"] in files(store, directory)
    assert heard.bookmark(STREAM) == "2026-03-01T12:00:00.000Z"


@pytest.mark.parametrize("bounds", ["[)", "[]", "()", "(]"])
def test_every_event_once_however_ends_are_meant(tap: Tap, infobip: Infobip, bounds: Any) -> None:
    """Events lie on both ends of the run and on the seam of its windows."""
    infobip.bounds = bounds
    hours = (-12, 0, 12, 24, 36)
    millisecond = timedelta(milliseconds=1)
    infobip.extra = [
        NOON + timedelta(hours=hour) + offset
        for hour in hours
        for offset in (-millisecond, timedelta(0), millisecond)
    ]
    end = START + timedelta(hours=48)
    heard = tap.read(end_date=end.isoformat())
    assert set(contents(heard)) == set(truth(infobip, START, end))
    assert len(keyed(heard)) == truth(infobip, START, end).total()


@pytest.mark.parametrize(("form", "style"), [*zip(FORMS, cycle(STYLES))])
def test_files_and_times_of_any_form(tap: Tap, infobip: Infobip, form: str, style: Any) -> None:
    infobip.form, infobip.style = form, style
    heard = tap.read()
    assert contents(heard) == truth(infobip)
    assert len(keyed(heard)) == truth(infobip).total()


@pytest.mark.parametrize("row_form", ["older", "mixed"])
def test_rows_of_the_older_form_become_the_same_records(
    tap: Tap, infobip: Infobip, row_form: Any
) -> None:
    """Read again in another order and other files, each event has its key."""
    infobip.row_form = row_form
    first = tap.run()
    assert contents(first.heard) == truth(infobip)
    assert "_extra: eventId" in first.log_line("fields that have no column")
    infobip.order, infobip.rows_per_file, infobip.form = "shuffled", 17, "arrays"
    second = tap.read()
    assert contents(second) == truth(infobip)
    assert len(keyed(first.heard, second)) == truth(infobip).total()


def test_fields_without_a_column_arrive_and_are_told_once(
    tap: Tap, infobip: Infobip, store: Store
) -> None:
    def put(key: str, body: bytes) -> None:
        store.put(
            key, gzip.compress(gzip.decompress(body).replace(b'{"def', b'{"via":[1.50],"def'))
        )

    infobip.put = put
    done = tap.run()
    assert "_extra: via" in done.log_line("fields that have no column")
    assert {json.dumps(record["_extra"]) for record in done.heard.records[STREAM]} == {
        '{"via": [1.5]}'
    }
    assert len(keyed(done.heard)) == truth(infobip).total()


def test_an_id_that_is_not_an_events_own_is_told_once_and_nothing_is_lost(
    tap: Tap, infobip: Infobip, store: Store
) -> None:
    """Another row of the same id in each file, and one that is the same event again."""
    infobip.row_form = "older"

    def put(key: str, body: bytes) -> None:
        first, *_ = gzip.decompress(body).split(b"\n")
        row = json.loads(first)
        others = (row, {**row, "url": key}, {**row, "url": f"{key}?", "personId": "8"})
        lines = "\n".join(map(json.dumps, others)).encode()
        store.put(key, body + gzip.compress(b"\n" + lines))

    infobip.put = put
    done = tap.run()
    count = len(files(store, str(tap.settings["infobip_s3_directory"])))
    assert f"{2 * count} rows have the eventId of another row" in done.log_line(
        "eventId of another"
    )
    records = done.heard.records[STREAM]
    assert len({record["event_key"] for record in records}) == truth(infobip).total() + 2 * count
    assert len(records) == truth(infobip).total() + 3 * count


def test_a_carriage_return_between_values_ends_no_line(
    tap: Tap, infobip: Infobip, store: Store
) -> None:
    def put(key: str, body: bytes) -> None:
        store.put(key, gzip.compress(gzip.decompress(body).replace(b',"', b',\r"')))

    infobip.put = put
    assert contents(tap.read()) == truth(infobip)


def test_keys_do_not_depend_on_the_export_its_files_nor_their_order(
    tap: Tap, infobip: Infobip
) -> None:
    first = tap.read()
    infobip.order, infobip.rows_per_file = "shuffled", 17
    second = tap.read()
    assert contents(first) == contents(second) == truth(infobip)
    assert len(keyed(first, second)) == truth(infobip).total()  # twins have keys of their own


def test_several_exports_at_once_and_never_too_many(
    tap: Tap, infobip: Infobip, sandbox: Sandbox
) -> None:
    infobip.steps = ("SUBMITTED",)
    end = START + timedelta(days=4)
    patient = Tap(tap.folder, without=tap.without, **tap.settings)
    began = time.monotonic()
    heard = patient.read(end_date=end.isoformat(), concurrency=8)
    seconds = time.monotonic() - began
    assert contents(heard) == truth(infobip, START, end)
    assert len(infobip.exports) == 5  # the fourth waited, or it would have been refused
    assert len(sandbox.requests) <= seconds * 1 + 5  # one a second, five at once


@pytest.mark.parametrize("status", [429, 400])
def test_an_export_that_is_one_too_many_is_asked_for_again(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, status: int
) -> None:
    """Exports of somebody else may be in progress."""
    refused = error(status, "X", "At most 72 hours of exports may be in progress")
    sandbox.faults.append(Fault("answer", response=refused))
    assert contents(tap.read()) == truth(infobip)
    assert len(submits(sandbox)) == 2


def test_statuses_that_go_on(tap: Tap, infobip: Infobip) -> None:
    infobip.steps = ("SUBMITTED", "FAILED_AWAITING_RETRY", "NEVER_HEARD_OF")
    done = tap.run()
    assert done.code == 0, done.log
    assert contents(done.heard) == truth(infobip)
    assert "NEVER_HEARD_OF" in done.log_line("unknown status")


TOLD = {"requestId": "11111111-2222-3333-4444-555555555555", "status": "COMPLETED_SUCCESSFULLY"}
GENERAL = {"serviceException": {"messageId": "GENERAL_ERROR", "text": "Later."}}


NO_DATA: dict[str, tuple[int, dict[str, Any], str]] = {
    "an error": (0, {"requestError": GENERAL}, "GENERAL_ERROR, Later."),
    "both": (0, {"requestId": "x", "requestError": GENERAL}, "GENERAL_ERROR, Later."),
    "a limit": (0, {"errorCode": "TOO_MANY_REQUESTS", "description": "Slow"}, "REQUESTS, Slow"),
    "a newer error": (1, {**TOLD, "errorCode": "E500", "description": "Later."}, "E500, Later."),
    "another's": (1, TOLD, "returned the status of another export"),
}


@pytest.mark.parametrize("kind", NO_DATA)
def test_an_answer_of_success_that_holds_no_data_is_asked_for_again(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, kind: str
) -> None:
    number, said, words = NO_DATA[kind]
    sandbox.faults.append(Fault("answer", after=number, response=json_response(200, said)))
    done = tap.run()
    assert contents(done.heard) == truth(infobip)
    assert words in done.log_line("trying again")


@pytest.mark.parametrize(
    ("code", "words"),
    [("UNAUTHORIZED", "infobip_api_key"), ("FORBIDDEN", "people:manage"), ("BAD_REQUEST", "a: b")],
)
def test_a_refusal_in_an_answer_of_success_ends_at_once(
    tap: Tap, sandbox: Sandbox, code: str, words: str
) -> None:
    violations = [{"property": "a", "violation": "b"}]
    said = {"errorCode": code, "description": "No.", "violations": violations}
    sandbox.faults.append(Fault("answer", times=9, response=json_response(200, said)))
    assert words in failed(tap.run())
    assert len(sandbox.requests) == 1


def test_an_export_that_is_named_by_the_id_of_another_is_not_taken_for_it(
    tap: Tap, infobip: Infobip, sandbox: Sandbox
) -> None:
    """Something in between answers twice in the same way."""
    answers: list[Response] = []

    def repeated(response: Response, request: Request) -> Response:
        if request.method == "POST":
            answers.append(response)
        return answers[0] if request.method == "POST" and len(answers) == 2 else response

    sandbox.vendors = [Edited(infobip, repeated)]
    end = START + timedelta(hours=36)
    done = tap.run(end_date=end.isoformat(), concurrency=1)
    assert "returned the id of another export" in done.log_line("trying again")
    assert contents(done.heard) == truth(infobip, START, end)


@pytest.mark.parametrize("said", ["0 events were left out.", "Exported in 3 parts.", "", None, 5])
def test_what_an_export_says_at_its_end_keeps_no_file_back(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, said: Any
) -> None:
    def saying(response: Response, _: Request) -> Response:
        told = json.loads(response.body)
        return json_response(response.status, {**told, "message": said})

    sandbox.vendors = [Edited(infobip, saying)]
    assert contents(tap.read()) == truth(infobip)


def test_an_export_that_takes_too_long_fails_and_the_next_run_goes_on_with_it(
    tap: Tap, infobip: Infobip, sandbox: Sandbox
) -> None:
    infobip.steps = ("IN_PROGRESS",) * 6
    tap.command, command = [sys.executable, str(COMMANDS / "impatient.py")], tap.command
    done = tap.run()
    assert "still IN_PROGRESS" in failed(done)
    tap.command = command
    again = tap.run(state=done.heard.states[-1])
    assert contents(again.heard) == truth(infobip)
    assert "resuming the export" not in again.log  # no event of its time can still arrive
    assert len(submits(sandbox)) == 1


def test_what_may_be_missing_of_an_export_of_an_earlier_run_is_told(
    tap: Tap, infobip: Infobip
) -> None:
    state = tap.read().states[0]
    again = tap.run(state=state, lookback_minutes=10**6)
    assert "the next run reads events that arrived since then" in again.log_line("resuming")
    assert contents(again.heard) == truth(infobip)


def test_an_export_without_events_moves_the_bookmark(tap: Tap, infobip: Infobip) -> None:
    infobip.history = History(480, end=START - timedelta(days=1))
    heard = tap.read()
    assert not heard.records
    assert heard.bookmark(STREAM) == "2026-03-01T12:00:00.000Z"


def failed(done: Run) -> str:
    """The line of a run in which the stream failed, and STATE stood still."""
    assert done.code == 1
    assert not done.heard.records
    assert done.heard.bookmark(STREAM) in {None, "2026-03-01T00:00:00.000Z"}
    return done.log_line(f"{STREAM} failed")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("FAILED_AFTER_MAX_RETRIES", "Access to the bucket was denied.*infobip_export_role_arn"),
        ("CANCELLED_BY_CUSTOMER", "CANCELLED_BY_CUSTOMER.*run again"),
    ],
)
def test_an_export_that_fails_is_replaced_by_the_next_run(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, end: str, words: str
) -> None:
    infobip.end = end
    done = tap.run()
    line = failed(done)
    for word in words.split(".*"):
        assert word in line
    assert len(submits(sandbox)) == 1
    infobip.end = "COMPLETED_SUCCESSFULLY"
    again = tap.run(state=done.heard.states[-1])
    assert again.code == 0
    assert "reading the window" in again.log
    assert contents(again.heard) == truth(infobip)
    assert len(submits(sandbox)) == 2


def test_a_position_that_infobip_forgot_restarts_its_window(
    tap: Tap, infobip: Infobip, sandbox: Sandbox
) -> None:
    state = tap.read().states[0]
    infobip.exports.clear()
    done = tap.run(state=state)
    assert "doesn't know the export" in done.log_line("WARNING")
    assert contents(done.heard) == truth(infobip)
    assert len(submits(sandbox)) == 2


def test_the_filters_of_a_position_are_those_of_the_run(tap: Tap, sandbox: Sandbox) -> None:
    state = tap.read().states[0]
    tap.read(state=state)
    assert len(submits(sandbox)) == 1
    tap.read(state=state, infobip_definition_ids=["sms*"])
    assert len(submits(sandbox)) == 2


@pytest.mark.parametrize("position", [{"request_id": 5}, {"request_id": "../x"}, {}])
def test_a_position_of_an_unknown_form_restarts_its_window(
    tap: Tap, infobip: Infobip, position: dict[str, Any]
) -> None:
    state = tap.read().states[0]
    opened = state["bookmarks"][STREAM]["position"]
    del opened["request_id"]
    opened.update(position)
    done = tap.run(state=state)
    assert "reading the window" in done.log_line("WARNING")
    assert contents(done.heard) == truth(infobip)


def test_a_complete_export_without_files_is_an_error(
    tap: Tap, infobip: Infobip, store: Store
) -> None:
    infobip.put = lambda key, body: store.put(f"elsewhere/{key}", body)
    assert "infobip_s3_directory" in failed(tap.run())


def test_what_is_no_file_of_the_export_is_skipped_with_one_line(
    tap: Tap, infobip: Infobip, store: Store
) -> None:
    def put(key: str, body: bytes) -> None:
        store.put(key, body)
        store.put(key.replace(".json.gz", ".csv"), b"a,b")
        store.put(key.replace(".json.gz", "-empty.json.gz"), b"")

    infobip.put = put
    done = tap.run()
    assert contents(done.heard) == truth(infobip)
    assert "skipped" in done.log_line("not export files")


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "half a gzip": lambda body: body[: len(body) // 2],
    "no trailer": lambda body: body[:-8],
    "garbage behind it": lambda body: body + b"garbage",
    "half a line": lambda body: gzip.compress(gzip.decompress(body)[:-20]),
    "a page": lambda _: b"<html><body>Log in</body></html>",
    "half an array": lambda body: gzip.compress(
        b"[" + gzip.decompress(body).replace(b"\n", b",")[:-20]
    ),
    "half an array behind others": lambda body: gzip.compress(
        gzip.decompress(body) + b'\n[{"timestamp":"2026-03-01T00:00:00Z"},\n{"timestamp":"20'
    ),
    "an array without end": lambda body: body + gzip.compress(b"[{}") + body,
    "NULs behind it": lambda body: gzip.compress(gzip.decompress(body) + bytes(9)),
    "not UTF-8": lambda body: gzip.compress(gzip.decompress(body)[:-2] + b',"x":"\xff"}}'),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_fails_the_stream_and_is_named(
    tap: Tap, infobip: Infobip, store: Store, kind: str
) -> None:
    """The second of the files: the first stays promised, nothing of the second is sent."""
    names: list[str] = []

    def put(key: str, body: bytes) -> None:
        names.append(key)
        store.put(key, BROKEN[kind](body) if len(names) == 2 else body)

    infobip.put = put
    done = tap.run()
    assert done.code == 1
    assert names[1] in done.log_line(f"{STREAM} failed")
    assert len(done.heard.records[STREAM]) == infobip.rows_per_file
    assert done.heard.states[-1]["bookmarks"][STREAM]["position"]["files"] == 1
    for key in names:
        store.delete(key)
    for export in infobip.exports.values():
        export.is_over = False
    infobip.put = store.put
    again = tap.read(state=done.heard.states[-1])
    assert contents(again) + contents(done.heard) == truth(infobip)
    assert len(keyed(done.heard, again)) == truth(infobip).total()


@pytest.mark.parametrize("form", ["lines", "arrays"])
def test_a_row_that_does_not_fit_is_named_by_its_place_in_the_file_and_not_quoted(
    tap: Tap, infobip: Infobip, store: Store, form: str
) -> None:
    rows: list[dict[str, Any]] = [
        {"timestamp": "2026-03-01T00:00:00Z", "properties": {"text": "x" * 500}}
    ] * 2_000
    rows[1_899] = {"timestamp": "a-private-word", "properties": {}}
    infobip.put = lambda key, _: store.put(key, FORMS[form](rows))
    done = tap.run()
    line = done.log_line(f"{STREAM} failed")
    assert "row 1900: a timestamp is no" in line
    assert "private" not in done.log
    assert done.heard.bookmark(STREAM) == "2026-03-01T00:00:00.000Z"


def test_any_state_line_is_a_safe_place_to_go_on_from(
    tap: Tap, infobip: Infobip, sandbox: Sandbox
) -> None:
    """Files that were done are not sent again, and no further export is asked for."""
    done = tap.run()
    lines = done.lines
    places = [number for number, line in enumerate(lines, 1) if '"type":"STATE"' in line]
    for place in random.Random(1).sample(places, 4):
        before = Heard()
        for line in lines[:place]:
            before.hear(line)
        after = tap.read(state=before.states[-1], lookback_minutes=0)
        assert contents(before) + contents(after) == truth(infobip)
        assert len(keyed(before, after)) == truth(infobip).total()
    assert len(submits(sandbox)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_nothing_is_missing_and_no_export_is_asked_for_twice(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, seed: int
) -> None:
    infobip.steps = ("SUBMITTED", "IN_PROGRESS")
    end = START + timedelta(hours=60)
    chance = random.Random(seed)
    heard: list[Heard] = []
    state = None
    for _ in range(3):
        process = tap.start(state=state, end_date=end.isoformat(), lookback_minutes=0)
        deadline = threading.Timer(chance.uniform(0.7, 9), process.kill)
        deadline.start()
        output, _ = process.communicate()
        deadline.cancel()
        each = Heard()
        for line in output.split("\n")[:-1]:
            each.hear(line)
        heard.append(each)
        state = each.states[-1] if each.states else state
    heard.append(tap.read(state=state, end_date=end.isoformat(), lookback_minutes=0))
    assert set(keyed(*heard).values())
    assert set().union(*map(contents, heard)) == set(truth(infobip, START, end))
    assert len(keyed(*heard)) == truth(infobip, START, end).total()
    windows = {(body["startTime"], body["endTime"]) for body in submits(sandbox)}
    kills = 3
    assert len(submits(sandbox)) <= len(windows) + kills


def test_a_start_of_more_than_a_year_ago_is_a_gap_with_a_name(tap: Tap, infobip: Infobip) -> None:
    infobip.history = History(1, end=START)
    old = (START - timedelta(days=700)).isoformat()
    done = tap.run(start_date=old, end_date=(START - timedelta(days=690)).isoformat())
    assert done.code == 0
    assert "WARNING" in done.log_line("no longer kept")
    done = tap.run(start_date=old, on_gap="fail")
    assert done.code == 1
    assert "on_gap=fail" in done.log_line(f"{STREAM} failed")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "infobip_api_key"),
        (403, "people:manage"),
        (404, "infobip_api_url"),
    ],
)
def test_a_refusal_says_what_to_do(tap: Tap, sandbox: Sandbox, status: int, words: str) -> None:
    refused = error(status, "REFUSED", "No.")
    sandbox.faults.append(Fault("answer", times=9, response=refused))
    assert words in failed(tap.run())


def test_faults_of_a_request_are_named_by_field(tap: Tap, sandbox: Sandbox) -> None:
    refused = error(400, "BAD_REQUEST", "Bad Request", {"roleArn": ["limit of roles exceeded"]})
    sandbox.faults.append(Fault("answer", response=refused))
    assert "roleArn: ['limit of roles exceeded']" in failed(tap.run())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("answer", response=Response(500, b"<html>")),
        Fault("answer", response=error(429, "TOO_MANY_REQUESTS", "Slow down")),
        Fault("refuse"),
        Fault("reset"),
        Fault("half"),
        Fault("answer", response=Response(200, b"<html>")),
    ],
    ids=lambda fault: f"{fault.kind} {fault.response.status}",
)
@pytest.mark.parametrize("request_number", [0, 1])
def test_passing_faults_are_survived(
    tap: Tap, infobip: Infobip, sandbox: Sandbox, fault: Fault, request_number: int
) -> None:
    """A submit whose answer is lost is repeated: then the window is exported twice."""
    sandbox.faults.append(Fault(fault.kind, after=request_number, response=fault.response))
    heard = tap.read()
    assert contents(heard) == truth(infobip)
    assert len(keyed(heard)) == truth(infobip).total()
    assert len(submits(sandbox)) <= 2


def test_the_test_proves_key_and_bucket_and_starts_no_export(tap: Tap, sandbox: Sandbox) -> None:
    done = tap.run("--test")
    assert done.code == 0, done.log
    assert "Infobip: connection OK" in done.log
    paths = sorted(request.path for request in sandbox.requests)
    assert paths == ["/peopleevents/1/export/definitions", "/peopleevents/2/definitions"]
