"""Whichever way records take through the tap, they are the same."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.singer import Heard
from tests.trust.world import KEYS, contents, said

if TYPE_CHECKING:
    from tests.singer import Tap
    from tests.trust.world import World


LEFT_OUT = {
    "dfinery_events": "df_unified_id",
    "dfinery_user_profiles": "df_name",
    "happytalk_service_history": "request_user",
    "happytalk_siem_events": "user",
    "croct_events": "context",
    "croct_sessions": "campaign",
    "croct_users": "birthDate",
    "infobip_events": "externalPersonId",
    "infobip_event_definitions": "description",
    "ncp_apigateway_events": "message",
}
OBJECTS = {  # or lists, that have no fixed properties, so that flattening makes them text
    *("context", "payload", "properties", "_extra"),
    *("campaign", "location", "client", "attributes", "statistics"),
    *("fields", "address", "customAttributes", "activities", "interests"),
}


def changed(heard: Heard, change: Any) -> Heard:
    """What was heard, with records changed."""
    records = {
        stream: [change(stream, record) for record in records]
        for stream, records in heard.records.items()
    }
    return Heard(records)


def test_every_vendor_tells_its_truth(tap: Tap, world: World) -> None:
    heard = tap.read()
    assert heard.records.keys() == KEYS.keys()
    for stream in KEYS:
        assert said(stream, heard) == world.truth(stream), stream
        assert len(contents(heard)[stream]) == len(heard.records[stream]), stream


def test_records_are_the_same_page_by_page_and_one_by_one(tap: Tap) -> None:
    """A stream map that changes nothing sends every record through the SDK."""
    fast = tap.run()
    identity = {stream: {key: f"record[{key!r}]"} for stream, key in KEYS.items()}
    plain = tap.run(stream_maps=identity)
    assert "one by one" not in fast.log
    assert plain.log.count("one by one, because of stream_maps") == len(KEYS)
    assert contents(fast.heard) == contents(plain.heard)


def test_records_are_the_same_but_for_what_a_catalog_leaves_out(tap: Tap) -> None:
    catalog = json.loads("\n".join(tap.run("--discover").lines))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
            if entry["breadcrumb"] == ["properties", LEFT_OUT[stream["tap_stream_id"]]]:
                entry["metadata"]["selected"] = False
    known = {
        stream["tap_stream_id"]: stream["schema"]["properties"].keys()
        for stream in catalog["streams"]
    }
    part = tap.run(catalog=catalog)
    assert part.log.count("one by one, because of deselected properties") == len(KEYS)
    assert not any(
        LEFT_OUT[stream] in schema["properties"]
        for stream, schemas in part.heard.schemas.items()
        for schema in schemas
    )

    def without(stream: str, record: dict[str, Any]) -> dict[str, Any]:
        chosen = known[stream] - {LEFT_OUT[stream]}
        return {name: value for name, value in record.items() if name in chosen}

    assert contents(part.heard) == contents(changed(tap.read(), without))


def test_records_are_the_same_but_for_what_flattening_makes_text(tap: Tap) -> None:
    flat = tap.run(flattening_enabled=True, flattening_max_depth=2)

    def unflattened(_: str, record: dict[str, Any]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for name, value in record.items():
            outer, _, inner = name.partition("__")
            if inner:
                whole.setdefault(outer, {})[inner] = value
            else:
                whole[name] = json.loads(value) if name in OBJECTS and value else value
        return whole

    assert contents(changed(flat.heard, unflattened)) == contents(tap.read())


def test_records_are_the_same_in_batch_files(tap: Tap, tmp_path: Path) -> None:
    lines = contents(tap.read())
    storage = {"root": f"file://{tmp_path}", "prefix": ""}
    encoding = {"format": "jsonl", "compression": "gzip"}
    heard = tap.read(batch_config={"encoding": encoding, "storage": storage})
    for batch in heard.batches:
        for address in batch["manifest"]:
            for line in gzip.decompress(Path(urlsplit(address).path).read_bytes()).splitlines():
                heard.hear(
                    json.dumps(
                        {"type": "RECORD", "stream": batch["stream"], "record": json.loads(line)}
                    )
                )
    assert contents(heard) == lines
