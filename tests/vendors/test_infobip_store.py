"""What stands between the tap and its files may answer anything: nothing of it loses a file."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tap_eventexport.sandbox.server import Request, Response, Sandbox
from tests.relay import Relay, always, document, in_turn, replaced, unchanged
from tests.singer import HURRIED, Heard, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store
    from tests.relay import Edit

STREAM = "infobip_events"
TIME = (datetime.now(UTC) - timedelta(days=1)).isoformat()
PAGE = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>Log in</body></html>'
XML = {"Content-Type": "application/xml"}
FILES = 5


@pytest.fixture
def relay(store: Store) -> Relay:
    return Relay(store.url)


@pytest.fixture
def server(relay: Relay) -> Iterator[Sandbox]:
    with Sandbox([relay]) as sandbox:
        yield sandbox


@pytest.fixture
def directory(tmp_path: Path) -> str:
    return f"{tmp_path.parent.name}/{tmp_path.name}/"


@pytest.fixture
def tap(tmp_path: Path, store: Store, server: Sandbox, directory: str) -> Tap:
    """The tap over five files of a row each."""
    for number in range(FILES):
        put(store, directory, number)
    settings: dict[str, Any] = {**store.settings, "aws_endpoint_url": server.url}
    return Tap(
        tmp_path, pause=HURRIED, infobip_mode="files", infobip_s3_directory=directory, **settings
    )


def put(store: Store, directory: str, number: int, *rows: int) -> str:
    """Write a file of numbered rows; its key."""
    lines = [json.dumps({"timestamp": TIME, "properties": {"n": row}}) for row in rows or [number]]
    key = f"{directory}{UUID(int=number)}-events-a.json.gz"
    store.put(key, gzip.compress("\n".join(lines).encode()))
    return key


def numbers(heard: Heard) -> list[int]:
    return sorted(record["properties"]["n"] for record in heard.records.get(STREAM, []))


LISTINGS: dict[str, Edit] = {
    "a page to log in": always(Response(200, PAGE, XML)),
    "nothing": always(Response(200, b"", XML)),
    "no content": always(Response(204)),
    "versions of objects": replaced(rb"ListBucketResult", b"ListVersionsResult"),
    "the names of all buckets": always(
        Response(200, b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>", XML)
    ),
    "another bucket": replaced(rb"<Name>.*?</Name>", b"<Name>other</Name>"),
    "another prefix": replaced(rb"<Prefix>.*?</Prefix>", b"<Prefix>other/</Prefix>"),
    "fewer than it counts": replaced(rb"<Contents>.*</Contents>", b""),
    "more without a token": replaced(rb"<IsTruncated>false", b"<IsTruncated>true"),
    "a token without more": replaced(
        rb"</Name>", b"</Name><NextContinuationToken>t</NextContinuationToken>"
    ),
    "no word of more": replaced(rb"<IsTruncated>.*?</IsTruncated>", b""),
    "objects elsewhere": replaced(rb"<Key>.*?</Key>", b"<Key>elsewhere/a</Key>"),
    "no time": replaced(rb"<LastModified>.*?</LastModified>", b""),
    "no size": replaced(rb"<Size>.*?</Size>", b""),
    "a time that is none": replaced(rb"<LastModified>.*?<", b"<LastModified>soon<"),
    "a time of no calendar": replaced(
        rb"<LastModified>.*?<", b"<LastModified>0001-01-01T00:00:00+09:00<"
    ),
}


@pytest.mark.parametrize("kind", LISTINGS)
def test_what_is_no_listing_of_the_bucket_fails_and_loses_nothing(
    tap: Tap, relay: Relay, kind: str
) -> None:
    relay.edit_listing = LISTINGS[kind]
    done = tap.run()
    assert done.code == 1
    assert not done.heard.records
    assert not done.heard.states
    assert "the listing of s3://" in done.log_line(f"{STREAM} failed")
    assert "Log in" not in done.log
    relay.edit_listing = unchanged
    assert numbers(tap.read()) == [*range(FILES)]


ROUND: dict[str, list[bytes]] = {
    "the same token": [b"t", b"t"],
    "tokens in turn": [b"t", b"u", b"t"],
    "the same objects": [b"t", b"u", b"v"],
}


@pytest.mark.parametrize("kind", ROUND)
def test_a_listing_that_leads_round_in_a_circle_fails(tap: Tap, relay: Relay, kind: str) -> None:
    first: list[Response] = []
    tokens = iter(ROUND[kind])

    def turned(response: Response, _: Request) -> Response:
        first.append(response)
        more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
        token = next(tokens, ROUND[kind][-1])
        body = first[0].body.replace(b"<IsTruncated>false</IsTruncated>", more % token)
        return replace(first[0], body=body)

    relay.edit_listing = turned
    done = tap.run()
    assert done.code == 1
    assert not done.heard.states
    assert "the listing of s3://" in done.log_line(f"{STREAM} failed")


OTHERS: dict[str, Edit] = {
    "a page to log in": LISTINGS["a page to log in"],
    "no word of more": LISTINGS["no word of more"],
    "a page that is no XML": always(Response(200, b"<!DOCTYPE html><p>Log in<br>", XML)),
    "JSON": always(Response(200, b'{"Contents": []}', {"Content-Type": "application/json"})),
    "half of it": document(lambda body: body[: len(body) // 2]),
    "an error": always(Response(200, b"<Error><Code>InternalError</Code></Error>", XML)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_test_proves_the_listing(tap: Tap, relay: Relay, kind: str) -> None:
    relay.edit_listing = OTHERS[kind]
    done = tap.run("--test")
    assert done.code == 1
    assert "aws_endpoint_url" in done.log_line("ERROR")
    assert "Log in" not in done.log


def test_a_listing_that_is_none_for_a_while_is_asked_for_again(tap: Tap, relay: Relay) -> None:
    relay.edit_listing = in_turn(*[*LISTINGS.values()][:5])
    assert numbers(tap.read()) == [*range(FILES)]


def shuffled(response: Response, _: Request) -> Response:
    """The objects of a listing in another order, as a directory bucket may list them."""
    parts = re.findall(rb"<Contents>.*?</Contents>", response.body)
    others = b"".join(parts[number] for number in (3, 0, 4, 2, 1) if number < len(parts))
    body = response.body.replace(b"".join(parts), others + b"".join(parts[5:]))
    return replace(response, body=body)


def test_a_store_that_keeps_no_order_loses_nothing_where_a_file_fails_once(
    tap: Tap, relay: Relay, store: Store, directory: str
) -> None:
    relay.edit_listing = shuffled
    key = put(store, directory, 2)
    store.put(key, b"broken")
    first = tap.run()
    assert first.code == 1
    assert numbers(first.heard) == [0, 1]
    put(store, directory, 2)
    second = tap.read(state=first.heard.states[-1])
    assert numbers(second) == [2, 3, 4]
    assert numbers(tap.read(state=second.states[-1])) == []


def test_a_store_without_etags_whose_times_have_no_zone(
    tap: Tap, relay: Relay, store: Store, directory: str
) -> None:
    without = re.compile(rb"<ETag>.*?</ETag>|(?<=\d)Z(?=</LastModified>)")
    relay.edit_listing = document(lambda body: without.sub(b"", body))
    relay.edit_object = lambda response, _: replace(response, headers={})
    first = tap.read()
    assert numbers(first) == [*range(FILES)]
    second = tap.read(state=first.states[-1])
    assert numbers(second) == []
    put(store, directory, 3, 30, 31)
    third = tap.read(state=second.states[-1])
    assert {30, 31} <= {*numbers(third)} <= {*range(FILES), 30, 31}


OBJECTS: dict[str, Edit] = {
    "a page to log in": always(Response(200, PAGE, {"Content-Type": "text/html"})),
    "an error": always(Response(200, b"<Error><Code>InternalError</Code></Error>", XML)),
    "nothing": lambda response, _: replace(response, body=b""),
    "half of it": document(lambda body: body[: len(body) // 2]),
    "half of its rows": document(
        lambda body: gzip.compress(gzip.decompress(body).partition(b"\n")[0])
    ),
    "more than it": document(lambda body: body + gzip.compress(b'{"timestamp":"2026-03-01"}')),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_is_no_object_as_it_was_listed_is_asked_for_again(
    tap: Tap, relay: Relay, store: Store, directory: str, kind: str
) -> None:
    put(store, directory, 2, 20, 21, 22)
    relay.edit_object = in_turn(unchanged, unchanged, OBJECTS[kind], OBJECTS[kind])
    done = tap.run()
    assert done.code == 0, done.log
    assert numbers(done.heard) == [0, 1, 3, 4, 20, 21, 22]
    assert done.log.count("trying again") == 2


def test_an_object_that_is_never_whole_fails_and_moves_nothing(tap: Tap, relay: Relay) -> None:
    relay.edit_object = OBJECTS["half of it"]
    done = tap.run()
    assert done.code == 1
    assert not done.heard.records
    assert "bytes, but" in done.log_line(f"{STREAM} failed")
    relay.edit_object = unchanged
    assert numbers(tap.read()) == [*range(FILES)]


def test_an_object_that_is_answered_in_another_version_is_read_again_by_the_next_run(
    tap: Tap, relay: Relay, store: Store, directory: str
) -> None:
    """It was overwritten behind the listing, and the store doesn't heed If-Match."""
    body = gzip.compress(json.dumps({"timestamp": TIME, "properties": {"n": 99}}).encode())
    another = always(Response(200, body, {"ETag": '"another"'}))
    relay.edit_object = in_turn(unchanged, unchanged, unchanged, another)
    first = tap.read()
    assert numbers(first) == [0, 1, 2, 4, 99]
    relay.edit_object = unchanged
    put(store, directory, 3, 99)
    assert 99 in numbers(tap.read(state=first.states[-1]))


def test_keys_of_any_characters(tap: Tap, store: Store, directory: str) -> None:
    folder = f"{directory}a b+c=%2B&ü/"
    name = f"{UUID(int=9)}-events-2026-03-01T00:00:00+0000 %41&<é>.json.gz"
    row = {"timestamp": TIME, "properties": {"n": 7}}
    store.put(folder + name, gzip.compress(json.dumps(row).encode()))
    store.put(folder, b"")
    first = tap.run()
    assert numbers(first.heard) == [*range(FILES), 7]
    assert folder + name in {record["_file"] for record in first.heard.records[STREAM]}
    assert "skipped" not in first.log
    assert numbers(tap.read(state=first.heard.states[-1])) == []
