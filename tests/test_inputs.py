"""Files are JSON, or it is said what they are instead."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.inputs import InputError, object_in, parse_json, read_object, read_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_object_is_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"a": "한", "b": [0.10, 1e400], "c": {"a": null}}\r\n', encoding)
    assert read_object(str(file)) == {
        "a": "한",
        "b": [Decimal("0.10"), Decimal("1E+400")],
        "c": {"a": None},
    }


def test_stdin_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"a": 1}')))
    assert read_object("-") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \r\n\xef\xbb\xbf"[:3], "it is empty"),
        (b"[]", "holds a list, expected a JSON object"),
        (b"null", "holds null, expected"),
        (b"true", "holds true or false, expected"),
        (b"5", "holds a number, expected"),
        (b'"a"', "holds a text, expected"),
        (b'{"a": 1,}', "an extra comma at line 1, column 8"),
        (b'{"a": [1, 2,\n ],\n "b": 2}', "an extra comma at line 1, column 12"),
        (b'{"a": 1 "b": 2}', "line 1, column 9"),
        (b"{half", "line 1, column 2"),
        (b'{"a": "b', "line 1, column 7"),
        (b"\0", "line 1, column 1"),
        (b'{"bookmarks": {}}\n{"bookmarks": {}}\n', "more than one value, the second at line 2"),
        (b'{"a": 1} {"a": 2}', "more than one value, the second at line 1, column 10"),
        (b"concurrency: 4\n", "looks like YAML or a .env file"),
        (b"# settings\na: 1", "looks like YAML or a .env file"),
        (b"---\na: 1", "looks like YAML or a .env file"),
        (b"TAP_EVENTEXPORT_CONCURRENCY=4", "looks like YAML or a .env file"),
        (b'{"a": {"b": 1, "b": 2}}', "it has b twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "limit"),
        ('{"a": 1}'.encode("utf-16"), "is UTF-16, as PowerShell's > writes it; save it as UTF-8"),
        ('{"a": "é"}'.encode("latin-1"), "is not UTF-8, because of its byte 8; save it as UTF-8"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_object_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_object(str(file))
    text = str(caught.value)
    assert text.startswith(str(file))
    assert words in text
    assert "\n" not in text


def test_the_comma_is_told_wherever_python_sees_a_fault() -> None:
    """Newer ones see the comma itself, older ones what stands behind it."""
    text = '{"a": 1 , }'
    for place in (text.index(","), text.index("}")):
        error = json.JSONDecodeError("…", text, place)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("json.loads", _raising(error))
            with pytest.raises(InputError, match="an extra comma at line 1, column 9"):
                parse_json(text)


def _raising(error: Exception) -> Any:
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*missing\.json"):
        read_text(str(tmp_path / "missing.json"))
    with pytest.raises(InputError, match="is a folder, expected a file"):
        read_text(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be read: Not a directory"):
        read_text(str(tmp_path / "file/deeper"))


def test_a_name_that_forges_no_line() -> None:
    with pytest.raises(InputError) as caught:
        object_in("[]", "a\nERROR b")
    assert str(caught.value) == r"'a\nERROR b' holds a list, expected a JSON object"
