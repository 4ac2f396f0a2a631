"""A spooled CSV is read as the csv module reads it, whichever way is taken."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine.bodies import csvspool
from tap_eventexport.engine.bodies.csvspool import CsvSpool
from tap_eventexport.engine.errors import RetriableVendorError

HEADER = "a,b,c"
fields = st.text(st.sampled_from('ab한",\n\r\u2028 '), max_size=6)


def spool(body: bytes) -> CsvSpool:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the spool closes it
    file.write(body)
    return CsvSpool(file)


def read(body: bytes) -> list[list[str]]:
    checked = spool(body)
    checked.check(("a",))
    found = [row for block in checked.blocks() for row in block]
    assert len(found) == checked.rows
    assert checked.header == HEADER.split(",")
    return found


def written(rows: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    has_returns = any("\r" in field for row in rows for field in row)  # not quoted otherwise
    lines = [HEADER.split(","), *rows]
    if has_returns:
        csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(lines)
    else:
        csv.writer(text, lineterminator=end).writerows(lines)
    return text.getvalue().encode()


@given(st.lists(st.lists(fields, min_size=3, max_size=3), max_size=9), st.sampled_from("\n\r"))
def test_what_was_written_is_read(rows: list[list[str]], end: str) -> None:
    assert read(written(rows, {"\n": "\n", "\r": "\r\n"}[end])) == rows


@given(st.lists(st.text("ab,\n", max_size=8).map(str.strip), max_size=20))
@example([])
def test_plain_lines_are_rows_or_refused_as_the_csv_module_has_it(lines: list[str]) -> None:
    body = "\n".join([HEADER, *lines]).encode()
    rows = [row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row]
    if any(len(row) != 3 for row in rows):
        with pytest.raises(RetriableVendorError, match="fields, the header 3"):
            read(body)
    else:
        assert read(body) == rows[1:]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ends_and_marks(end: bytes, mark: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvspool, "CHUNK", 7)
    body = mark + b"a,b,c\n1,2,3\n4,,6" + end
    assert read(body) == [["1", "2", "3"], ["4", "", "6"]]
    for sent in (body, gzip.compress(body)):
        checked = spool(sent)
        checked.check(("a",))
        assert checked.ends_with_line == bool(end)


@pytest.mark.parametrize("broken", [b"\xff", b"\xed\xa0", b"\xed\xa0x", b"\xb0\xa1", b"\xf0\x9f"])
@pytest.mark.parametrize("quote", [b"", b'"'])
def test_broken_text_is_refused(broken: bytes, quote: bytes) -> None:
    with pytest.raises(RetriableVendorError, match="is not UTF-8"):
        read(b"a,b,c\n1,2,3\n1,%s%s%s,3\n" % (quote, broken, quote))


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_half_a_character_is_replaced_wherever_it_lies(quote: bytes) -> None:
    half = b"\xed\xa0\xbd"
    for size in range(8180, 8200):  # around the end of what is decoded at once
        filler = b"x" * size
        (row,) = read(b"a,b,c\n%s%s%s,%s,%s\n" % (quote, filler, quote, half, half * 2))
        assert row == [filler.decode(), "\ufffd", "\ufffd\ufffd"]


BIG = 2**20
WORST = {
    "quotes": b'"' * BIG,
    "a quoted field of quotes": b'"' + b'""' * BIG + b'"',
    "commas": b"," * BIG,
    "line breaks": b"\n" * BIG,
    "carriage returns": b"\r" * BIG,
    "braces": b"{" * BIG,
    "braces and spaces": b"{ " * BIG,
    "spaces": b"{" + b" " * BIG + b'"result":',
    "beginnings of an error": b'{"result"' * 100_000,
    "more of an error": b'{"result" : ' * 100_000,
    "no text": b"\xed\xa0\xbd" * (BIG // 3),
    "nothing": bytes(BIG),
}


@pytest.mark.parametrize("worst", WORST.values(), ids=WORST.keys())
@pytest.mark.parametrize("before", [b"", b"a,b,c\n", b"a,b,c\n1,2,3\n1,2,", b'a,b,"'])
def test_megabytes_are_read_in_linear_time(worst: bytes, before: bytes) -> None:
    with suppress(RetriableVendorError):
        checked = spool(before + worst)
        checked.check(("a",))
        assert sum(map(len, checked.blocks())) == (checked.rows if checked.header else 0)
    with suppress(RetriableVendorError):
        spool(before + worst).read_header(("a",))


@pytest.mark.parametrize("quote", ["", '"'])
def test_blocks_are_small_however_wide_or_long_rows_are(quote: str) -> None:
    columns = 100_000
    wide = ",".join(["a", *map(str, range(columns - 1))]) + "\n"
    wide += f"{quote}1{quote}{',' * (columns - 1)}\n" * 9
    checked = spool(wide.encode())
    checked.check(("a",))
    assert checked.rows == 9
    assert max(map(len, checked.blocks())) == csvspool.BLOCK_FIELDS // columns
    long = "a\n" + f"{quote}{'x' * 2**18}{quote}\n" * 40
    checked = spool(long.encode())
    checked.check(("a",))
    assert checked.rows == 40
    assert max(map(len, checked.blocks())) < 10


def test_a_header_of_no_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvspool, "MOST_COLUMNS", 2)
    for body in (b"a,b,c\n1,2,3\n", b'a,b,c\n1,2,"3"\n'):
        with pytest.raises(RetriableVendorError, match="header has 3 columns"):
            spool(body).check(("a",))


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"", []),
        (b"a,b\n1,", ["a", "b"]),
        (b"\xef\xbb\xbfa,b\r\n", ["a", "b"]),
        (b"a,b", ["a", "b"]),
        (b'a,"b\nc"\n"open', ["a", "b\nc"]),
        (b"a,b\xed\xa0\xbd\n", ["a", "b\ufffd"]),
        (b"a," + b"b" * csvspool.HEAD, ["a"]),
    ],
)
def test_a_header_alone(body: bytes, header: list[str], squeeze: type[bytes]) -> None:
    made = spool(squeeze(body))
    made.read_header(("a",))
    assert made.header == header


def test_a_header_is_found_before_the_cut_of_a_gzip() -> None:
    made = spool(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000)[:40])
    made.read_header(("a",))
    assert made.header == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"x,y\n",
        b'{"result":"fail"}',
        b'a,b\n{"result":"fail"}',
        b"\xff\xfe",
        b"\x1f\x8bnone",
        b"a" * (csvspool.LONGEST_FIELD + 1),
    ],
    ids=lambda body: body[:20],
)
def test_what_has_no_header(body: bytes) -> None:
    with pytest.raises(RetriableVendorError):
        spool(body).read_header(("a",))
