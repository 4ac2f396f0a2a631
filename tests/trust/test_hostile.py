"""A vendor that answers anything: what it can make the tap take, wait for or print is bounded."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

from tap_eventexport.sandbox.server import Fault, Response
from tests.trust.test_faults import ALWAYS, assert_no_secrets, failed
from tests.trust.world import STREAMS, TESTED, contents, only

if TYPE_CHECKING:
    from pathlib import Path

    from tests.singer import Run, Tap
    from tests.trust.world import Contents, World

JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1 << 20
REFUSED_ADDRESS = "http://127.0.0.1:9/"
# Sets the screen's title, clears it, and writes a line of its own.
PAINTED = "\x1b]0;owned\x07\x1b[2J\r\nERROR all is lost \u202egpj.exe"


def answered(world: World, name: str, response: Response, after: int = 0) -> None:
    """Let a vendor answer everything in one way from some request on."""
    path = world.vendors[name].path
    world.sandbox.faults[:] = [
        Fault("answer", path=path, after=after, times=ALWAYS, response=response)
    ]


def assert_alone(done: Run, name: str, reference: Contents) -> str:
    """Only one vendor failed, and was told of without its secrets; the lines of its failure."""
    assert done.code == 1
    assert failed(done) == set(STREAMS[name])
    got = contents(done.heard)
    for stream in reference.keys() - STREAMS[name]:
        assert got[stream] == reference[stream]
    assert "Traceback" not in done.log
    return "\n".join(line for line in done.log.splitlines() if " failed: " in line)


DEEP = {
    "happytalk": b'{"result":"success","data":' + b"[" * 10**6,
    "croct": b'{"items":[{"timestamp":1773673200000,"payload":' + b'{"a":' * 10**6,
    "croct_sessions": b'{"items":[{"closeTime":1773673200000,"attributes":' + b'{"a":' * 10**6,
    "croct_users": b'{"items":[{"lastModifiedTime":1773673200000,"address":' + b'{"a":' * 10**6,
    "infobip": b'{"requestId":' + b"[" * 10**6,
    "infobip_definitions": b'[{"definitionId":"a","x":' + b"[" * 10**6,
    "ncp": b'{"total":1,"events":' + b"[" * 10**6,
    "dfinery": b"[" * 10**6,
    "dfinery_profiles": b"[" * 10**6,
}


@pytest.mark.parametrize("name", STREAMS)
def test_json_of_any_depth(tap: Tap, world: World, reference: Contents, name: str) -> None:
    answered(world, name, Response(200, DEEP[name], JSON))
    assert_alone(tap.run(), name, reference)


def test_a_payload_that_is_whole_but_deep(tap: Tap, world: World, reference: Contents) -> None:
    deep = b'{"a":' * 10**5 + b"1" + b"}" * 10**5
    body = b'{"items":[{"timestamp":1773673200000,"payload":' + deep + b"}]}"
    answered(world, "croct", Response(200, body, JSON))
    assert_alone(tap.run(), "croct", reference)


@pytest.mark.parametrize("name", [name for name in STREAMS if not name.startswith("dfinery")])
def test_a_bomb_in_an_answer(tap: Tap, world: World, reference: Contents, name: str) -> None:
    compressor = zlib.compressobj(9, wbits=31)
    parts = [compressor.compress(bytes(MEBIBYTE)) for _ in range(300)]
    bomb = b"".join(parts) + compressor.flush()
    answered(world, name, Response(200, bomb, {**JSON, "Content-Encoding": "gzip"}))
    assert "more than 256 MiB" in assert_alone(tap.run(), name, reference)


def test_a_line_without_end_in_a_csv(tap: Tap, world: World, reference: Contents) -> None:
    head = b"df_event_detail_log_id,df_server_datetime,df_event_name\n1,"
    body = gzip.compress(head + b"x" * (20 * MEBIBYTE), 1)
    answered(world, "dfinery", Response(200, body, {"Content-Encoding": "gzip"}))
    assert "field larger than field limit" in assert_alone(tap.run(), "dfinery", reference)


@pytest.mark.parametrize("name", STREAMS)
def test_a_redirect_to_another_host(tap: Tap, world: World, reference: Contents, name: str) -> None:
    headers = {"Location": REFUSED_ADDRESS}
    answered(world, name, Response(307, b"", headers))
    done = tap.run(environment={"LOGLEVEL": "INFO"})
    assert "the credentials are not sent to another host" in assert_alone(done, name, reference)
    assert_no_secrets(done, world)


@pytest.mark.parametrize("name", TESTED)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_what_a_vendor_says_moves_no_terminal_and_makes_no_line(
    tap: Tap, world: World, name: str, status: int
) -> None:
    said = dict.fromkeys(("title", "detail", "message", "msg", "errorCode", "text"), PAINTED)
    told = {**said, "code": 1, "result": "error", "error": said, "requestError": {}}
    told["requestError"] = {"serviceException": {**said, "validationErrors": {"a": [PAINTED]}}}
    headers = {**JSON, "x-ncp-trace-id": "\x1b[2J"}
    answered(world, name, Response(status, json.dumps(told).encode(), headers))
    done = tap.run("--test")
    assert done.code == 1
    assert not any(sign in done.log for sign in "\x1b\x07\r\u202e")
    assert not any(line.startswith("ERROR") for line in done.log.splitlines())


def test_values_with_control_characters_pass_but_for_nul(
    tap: Tap, world: World, tmp_path: Path
) -> None:
    event = {"timestamp": 1773673200000, "payload": {"@type": PAINTED, "\x00": "\ud83d"}}
    body = json.dumps({"items": [{**event, "id": "a\x00b\n"}]}).encode()
    answered(world, "croct", Response(200, body, JSON))
    done = tap.run(**only("croct"))
    assert done.code == 0, done.log
    record = done.heard.records["croct_events"][0]
    assert (record["id"], record["eventType"]) == ("a\ufffdb\n", PAINTED)
    assert record["payload"]["\ufffd"] == "\ufffd"  # half a character, which no target could take
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "catalog.json"}


def test_keys_in_the_store_that_lead_elsewhere(tap: Tap, world: World, reference: Contents) -> None:
    names = ("../../../etc/passwd", "%2e%2e/x.json.gz", "a\x1b[2J-events-x-0.json.gz")
    for name in names:
        world.store.put(world.directory + name, b"{}")
    done = tap.run()
    assert done.code == 0
    assert contents(done.heard) == reference
    assert "\x1b" not in done.log
