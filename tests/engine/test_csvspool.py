"""A spooled CSV is read as the csv module reads it, whichever way is taken."""

from __future__ import annotations

import csv
import io
import tempfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_eventexport.engine import csvspool
from tap_eventexport.engine.csvspool import CsvSpool
from tap_eventexport.engine.errors import RetriableVendorError

HEADER = "a,b,c"
fields = st.text(st.sampled_from('ab한",\n\r\u2028 '), max_size=6)


def spool(body: bytes) -> CsvSpool:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the spool closes it
    file.write(body)
    return CsvSpool(file)


def read(body: bytes) -> list[list[str]]:
    checked = spool(body)
    rows = checked.check(("a",))
    found = [row for block in checked.blocks() for row in block]
    assert len(found) == rows
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
    assert read(mark + b"a,b,c\n1,2,3\n4,,6" + end) == [["1", "2", "3"], ["4", "", "6"]]


def test_broken_text_is_refused() -> None:
    with pytest.raises(RetriableVendorError, match="is not UTF-8"):
        read(b"a,b,c\n1,2,3\n1,\xff,3\n")
