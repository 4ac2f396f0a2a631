"""A spooled file of JSON objects, in any of its forms, is bounded in memory."""

from __future__ import annotations

import json
import tempfile
from typing import Any

import msgspec
import pytest

from tap_eventexport.engine import jsonspool
from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.jsonspool import JsonSpool

OBJECTS = [{"number": number, "text": "한]},{ \u2028\\" * (number % 5)} for number in range(200)]
decode = msgspec.json.Decoder(dict[str, Any]).decode_lines


def read(body: bytes) -> list[dict[str, Any]]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the spool closes it
    file.write(body)
    spool = JsonSpool(file, "s3://bucket/key")
    spool.check()
    return [item for block in spool.blocks(decode) for item in block]


@pytest.mark.parametrize("block", [64, 4096])
@pytest.mark.parametrize("indent", [None, 2])
def test_lines_and_arrays_are_read_some_at_a_time(
    block: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonspool, "BLOCK", block)
    lines = "\n".join(json.dumps(item, ensure_ascii=False) for item in OBJECTS)
    array = json.dumps(OBJECTS, ensure_ascii=False, indent=indent)
    assert read(lines.encode()) == read(array.encode()) == OBJECTS


@pytest.mark.parametrize("form", [b"%s", b"[%s]", b'{"b": 1}\n%s', b"%s\n{}"])
def test_half_a_character_keeps_nothing_back(form: bytes) -> None:
    assert {"a": "x\ufffdy"} in read(form % rb'{"a": "x\ud83dy"}')


@pytest.mark.parametrize("body", [b'{"a": "%s"}', b'[{"a": "%s"}]'])
def test_an_object_without_end_is_refused(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonspool, "BLOCK", 64)
    monkeypatch.setattr(jsonspool, "LONGEST_OBJECT", 256)
    with pytest.raises(FatalVendorError, match="s3://bucket/key is no whole file"):
        read(body % (b"x" * 1000))
