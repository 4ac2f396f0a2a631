"""Whichever way records take through the tap, they are the same."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.trust.world import KEYS, contents, said

if TYPE_CHECKING:
    from tests.singer import Tap
    from tests.trust.world import World


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
    assert fast.log.count("as they are, page by page") == len(KEYS)
    assert plain.log.count("one by one, because of stream_maps") == len(KEYS)
    assert contents(fast.heard) == contents(plain.heard)


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
