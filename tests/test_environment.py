"""Variables become settings, or are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.environment import file_for_all, from_environment
from tap_eventexport.inputs import InputError
from tap_eventexport.tap import TapEventExport

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "TAP_EVENTEXPORT_"
SCHEMA = TapEventExport.config_jsonschema
TapEventExport.append_builtin_config(SCHEMA)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("concurrency", "4", 4),
        ("concurrency", " 4 ", 4),
        ("concurrency", "four", "four"),
        ("concurrency", "NaN", "NaN"),
        ("concurrency", "9" * 5_000, "9" * 5_000),
        ("croct_api_key", "5", "5"),
        ("start_date", "2026-03-01", "2026-03-01"),
        ("flattening_enabled", "True", True),
        ("flattening_enabled", "on", True),
        ("flattening_enabled", "1", True),
        ("flattening_enabled", "no", False),
        ("flattening_enabled", " OFF ", False),
        ("flattening_enabled", "maybe", "maybe"),
        ("flattening_enabled", "2", "2"),
        ("croct_event_types", "a, b", ["a", "b"]),
        ("croct_event_types", "a,,b", ["a", "", "b"]),
        ("croct_event_types", ' ["a", 5]', ["a", 5]),
        ("croct_event_types", '["a"', '["a"'),
        ("croct_event_types", "[" * 100_000, "[" * 100_000),
        ("dfinery_property_types", '{"a": "integer"}', {"a": "integer"}),
        (
            "dfinery_property_types",
            '{"a": "integer", "a": "text"}',
            '{"a": "integer", "a": "text"}',
        ),
        ("stream_maps", "{", "{"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_text_becomes_what_the_setting_is(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", text)
    found = from_environment(SCHEMA, PREFIX)
    assert found == {name: value}
    assert type(found[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("TAP_EVENTEXPORT_CROCT_APIKEY", True),
        ("tap_eventexport_croct_api_key", True),
        ("TAP_EVENT_EXPORT_CROCT_API_KEY", True),
        ("TAP_EVENTEXPORT_", True),
        ("TAP_EVENTEXPORT__LOAD_SCHEMA", False),  # Meltano's
        ("TAP_EVENTEXPORT__SECOND_CROCT_API_KEY", False),  # of a plugin that inherits from it
        ("TAP_EVENTEXPORT_LOGLEVEL", False),
        ("TAP_EVENTEXPRT_CROCT_API_KEY", True),
        ("TAP_EVENT", False),
        ("TAP_EVENTBRITE_START_DATE", False),
        ("TAP_CROCT_API_KEY", False),
        ("TARGET_EVENTEXPORT_DESTINATION", False),
    ],
)
def test_a_variable_that_names_no_setting(
    monkeypatch: pytest.MonkeyPatch, *, name: str, is_told: bool
) -> None:
    monkeypatch.setenv(name, "a-secret")
    assert from_environment(SCHEMA, PREFIX) == ({name: None} if is_told else {})


def test_a_dotenv_file_of_any_editor(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_EVENTEXPORT_ON_GAP", "fail")
    text = "TAP_EVENTEXPORT_CONCURRENCY=7\r\nTAP_EVENTEXPORT_ON_GAP=warn\r\n"
    (empty_folder / ".env").write_text(text, "utf-8-sig")
    assert from_environment(SCHEMA, PREFIX) == {"concurrency": 7, "on_gap": "fail"}
    monkeypatch.delenv("TAP_EVENTEXPORT_CONCURRENCY")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("A=é".encode("latin-1"), "is not UTF-8"),
        ("A=1".encode("utf-16"), "is UTF-16"),
        (b"TAP_EVENTEXPORT_USER_AGENT=a\0b\n", "can't be read: embedded null byte"),
    ],
)
def test_a_dotenv_file_that_is_none(empty_folder: Path, content: bytes, words: str) -> None:
    (empty_folder / ".env").write_bytes(content)
    with pytest.raises(InputError, match=rf"\.env {words}"):
        from_environment(SCHEMA, PREFIX)


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o602, True)],
)
def test_a_dotenv_file_that_others_may_read_or_change(
    empty_folder: Path, mode: int, *, is_open: bool
) -> None:
    assert file_for_all() is None
    file = empty_folder / ".env"
    file.touch()
    file.chmod(mode)
    assert file_for_all() == (f"{file}" if is_open else None)
