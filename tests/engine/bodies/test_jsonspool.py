"""A spooled file of JSON objects, however they are put together, is read to its last byte."""

from __future__ import annotations

import gzip
import json
import tempfile
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.bodies import jsonspool
from tap_eventexport.engine.bodies.jsonspool import JsonSpool
from tap_eventexport.engine.errors import FatalVendorError

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECTS = [{"number": number, "text": "한]},{ \u2028\\" * (number % 5)} for number in range(200)]
MEBIBYTE = 1 << 20
BOM = b"\xef\xbb\xbf"
decode = msgspec.json.Decoder(dict[str, Any]).decode_lines


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def spooled(body: bytes) -> JsonSpool:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the spool closes it
    file.write(body)
    return JsonSpool(file, "s3://bucket/key")


def read(body: bytes) -> list[dict[str, Any]]:
    spool = spooled(body)
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


@pytest.mark.parametrize(
    "body",
    [
        b'[{"n":0}]\n[{"n":1},{"n":2}]\n',
        b'[{"n":0}]\n{"n":1}\n{"n":2}',
        b'{"n":0}\n[{"n":1},\n{"n":2}]',
        b'{"n":0}{"n":1}{"n":2}',
        b'{"n":0} {"n":1}\r\n\r\n{"n":2}\n\n',
        b'[{"n":0},{"n":1}][]{"n":2}[]',
        b'[[{"n":0}],[{"n":1},{"n":2}]]',
        b'{\n"n":\n0}\n{"n":1\n}\n[{\r"n":2}]',
        BOM + b'{"n":0}\n' + BOM + b'{"n":1}\n' + BOM + b'{"n":2}',
        BOM + b'[{"n":0},{"n":1}]' + BOM + b'[{"n":2}]',
        packed(b'[{"n":0}]') + packed(b'[{"n":1},{"n":2}]'),
        packed(b'{"n":0}') + packed(b'{"n":1}') + packed(b'[{"n":2}]'),
        packed(BOM + b'{"n":0}\n') + packed(BOM + b'[{"n":1},{"n":2}]'),
        packed(b'{"n":0}\n{"n":1}\n[{"n":2}]') + bytes(512),  # padding of the compression
    ],
)
def test_every_form_and_mixture_is_read_to_its_end(body: bytes) -> None:
    assert read(body) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("body", [b"%s\n%s\n", b"%s\n%s", b"[%s,%s]"])
def test_what_a_decoder_keeps_raw_has_no_line_ends(body: bytes) -> None:
    item = b'{"raw":\r\n{\n"n":\r[1,\n2]\n}\n}'
    spool = spooled(body % (item, item))
    spool.check()
    decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines
    raws = [bytes(each["raw"]) for block in spool.blocks(decode_raw) for each in block]
    assert [json.loads(raw) for raw in raws] == [{"n": [1, 2]}] * 2
    assert all(raw.splitlines() == [raw] for raw in raws)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A file of numbered objects, some in arrays, and how many."""
    gap = st.sampled_from(["", " ", "\n", "\r\n", "\n\n\t", "\ufeff"])
    text, count = "", 0
    for _ in range(draw(st.integers(0, 6))):
        size = draw(st.integers(0, 3))
        items = [
            f'{{"n":{count + n},{draw(gap.filter(str.isspace))}"t":"]}}\\""}}' for n in range(size)
        ]
        count += size
        is_array = draw(st.booleans())
        glue = draw(gap) + "," + draw(gap) if is_array else draw(gap)
        text += draw(gap) + (f"[{glue.join(items)}]" if is_array else glue.join(items))
    return (text + draw(gap.filter(lambda end: end != "\ufeff"))).encode(), count


@given(files(), st.sampled_from([16, 61, 1 << 18]), st.integers(0, 1_000))
def test_any_file_is_read_whole_or_refused(file: tuple[bytes, int], block: int, cut: int) -> None:
    body, count = file
    part, rest = body[: cut % (len(body) + 1)], body[cut % (len(body) + 1) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonspool, "BLOCK", block)
        assert [item["n"] for item in read(body)] == list(range(count))
        try:
            numbers = [item["n"] for item in read(part)]
        except FatalVendorError:
            return
    assert numbers == list(range(len(numbers)))  # cut between two of its parts
    assert not rest.strip(jsonspool.BLANKS).startswith((b",", b"]", b"}"))


@pytest.mark.parametrize(
    "body",
    [
        b'[{"n":0}]\n[{"n":1},{"n":2}',
        b'[{"n":0}]\n[{"n":1},{"n":2',
        b'[{"n":0}]\n[{"n":1},',
        b'{"n":0}\n[{"n":1}\n',
        b'{"n":0}{"n":1',
        b'{"n":0}\n{"n":1}]',
        b'{"n":0}][{"n":1}',
        b'{"n":0}\n{"n":1}\x00\x00',
        b'{"n":0}\ngarbage',
        b'{"n":0}\n"text"',
        b'{"n":0}\nnull\n{"n":1}',
        b'[{"n":0}, 5]',
        b"<html>[]</html>",
        b'{"n":0}\n{"n":}\n{"n":1}',
        b'[{"n":0}{"n":"]',
        b'[{"n":"\\"}]',
        b'[{"n":"\\\\"}',
        packed(b'{"n":0}') + b"garbage",
        packed(b'{"n":0}') + packed(b'{"n":1}')[:-4],
        packed(b"[" + b'{"n":0},' * 500 + b'{"n":0}'),
    ],
)
def test_what_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(FatalVendorError, match="s3://bucket/key is not a complete file"):
        read(body)


@pytest.mark.parametrize("body", [b"", b"\n", BOM, b"[]", b"[]\n[]", packed(b"")])
def test_a_file_without_objects_is_whole(body: bytes) -> None:
    assert read(body) == []


@pytest.mark.parametrize("block", [64, 1 << 18])
@pytest.mark.parametrize("form", ["\n{}", " {}", ",{}", ",\n{}", "[{}]", "\n\n{}"])
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"n":"secret"}', "row 151: Expected `int`, got `str` - at `$.n`"),
        ('{"n":secret}', "row 151: it is not a complete JSON object"),
        ('"secret"', "row 151: it is not a JSON object"),
        ('{"m":["secret"]}', "row 151: Object missing required field `n`"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_its_place_in_the_file(
    block: int, form: str, row: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonspool, "BLOCK", block)
    rows = ['{"n":1}'] * 150 + [row] + ['{"n":1}'] * 150
    body = "".join(form.format("\0").replace("\0", item) for item in rows).strip(" ,\n")
    spool = spooled(body.encode())
    spool.check()
    with pytest.raises(FatalVendorError) as failed:
        list(spool.blocks(msgspec.json.Decoder(Numbered).decode_lines))
    assert said in str(failed.value)
    assert "secret" not in str(failed.value)


class Numbered(msgspec.Struct):
    n: int


@pytest.mark.parametrize("body", [b'{"a": "%s"}', b'[{"a": "%s"}]'])
def test_an_object_without_end_is_refused(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonspool, "BLOCK", 64)
    monkeypatch.setattr(jsonspool, "LONGEST_LINE", 256)
    monkeypatch.setattr(jsonspool, "LONGEST_OBJECT", 256)
    with pytest.raises(FatalVendorError, match="s3://bucket/key is not a complete file"):
        read(body % (b"x" * 1000))


HALF = MEBIBYTE // 2
WORST = {
    "brackets that open": b"[" * MEBIBYTE,
    "arrays in arrays": b"[" * HALF + b"]" * HALF,
    "empty arrays": b"[]" * HALF,
    "objects in objects": b'{"a":' * HALF + b"1" + b"}" * HALF,
    "objects in a row": b"{}" * HALF,
    "arrays in an object": b'{"a":' + b"[" * HALF + b"]" * HALF + b"}",
    "blanks": b" " * MEBIBYTE + b"{}",
    "blanks in an array": b"[" + b" " * MEBIBYTE + b"{}" + b"\n" * MEBIBYTE + b"]",
    "a long text": b'[{"a":"' + b"x" * MEBIBYTE + b'"}]',
    "quotes": b'[{"a":"' + b'\\"' * HALF + b'"}]',
    "quotes without end": b'[{"a":"' + b'\\"' * HALF + b"]",
    "backslashes": b'[{"a":"' + b"\\\\" * HALF + b'"}]',
    "backslashes without end": b'{"a":"' + b"\\" * MEBIBYTE + b"}",
    "signs in a text": b'[{"a":"' + b"[{" * HALF + b'"}]',
    "halves of characters": b'[{"a":"' + rb"\ud83d" * (MEBIBYTE // 6) + b'"}]',
    "digits": b'[{"a":' + b"1" * MEBIBYTE + b"}]",
    "commas": b"[" + b"," * MEBIBYTE + b"]",
    "names": b"[{%s}]" % b",".join(b'"%d":1' % number for number in range(100_000)),
}


@pytest.mark.parametrize("form", WORST)
def test_the_worst_forms_take_no_longer_than_others(form: str) -> None:
    """Were one of them read in quadratic time, the test would take hours."""
    with suppress(FatalVendorError):
        read(WORST[form])


def parts(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield b'{"n":%d,"t":"%s"},' % (number, b"x" * 1000)


def test_an_array_on_one_line_is_never_in_memory_as_a_whole() -> None:
    body = b"[" + b"".join(parts(20_000)).rstrip(b",") + b"]"
    spool = spooled(body)
    del body
    tracemalloc.start()
    spool.check()
    tracemalloc.reset_peak()
    assert sum(len(block) for block in spool.blocks(decode)) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MEBIBYTE
