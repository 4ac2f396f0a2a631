"""The fast path and the SDK's path write the same records."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError, StreamMapError
from tap_eventexport.engine.page import Page
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors.croct.events import CroctEvents
from tap_eventexport.vendors.croct.responses import Record
from tests.conftest import END, START
from tests.engine.pages import begin, emit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tap_eventexport.engine.sync import StreamSync

CONFIG = {
    "croct_api_key": "key",
    "start_date": START.isoformat(),
    "end_date": END.isoformat(),
}
TIME = {"timestamp": "2026-03-01T00:00:00.000Z"}
texts = st.text(st.characters(codec="utf-8"), max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
records = st.builds(
    Record,
    id=texts.filter(bool),
    timestamp=st.just("2026-03-01T00:00:00.000Z"),
    eventType=st.none() | texts,
    sessionId=st.none() | texts,
    userId=st.none() | texts,
    context=(st.none() | objects).map(lambda value: msgspec.Raw(json.dumps(value).encode())),
    payload=objects.map(lambda value: msgspec.Raw(json.dumps(value).encode())),
    **{
        name: st.none() | texts
        for name in Record.__struct_fields__
        if name.startswith(("organization", "workspace", "application"))
    },
    extra=(st.none() | objects).map(lambda value: msgspec.Raw(json.dumps(value).encode())),
)


def stream_of(**config: Any) -> CroctEvents:
    tap = TapEventExport(config={**CONFIG, **config})
    stream = tap.streams["croct_events"]
    assert isinstance(stream, CroctEvents)
    return stream


def sync_of(**config: Any) -> StreamSync:
    return begin(stream_of(**config))


def emitted(
    sync: StreamSync, page: Page, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    emit(sync, page)
    lines = capsys.readouterr().out.split("\n")[:-1]
    messages = [json.loads(line, parse_float=Decimal) for line in lines]
    for message in messages:
        message.pop("time_extracted", None)
    return messages


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)
@given(block=st.lists(records, max_size=5))
def test_both_paths_write_the_same(
    block: Sequence[Record], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = emitted(sync_of(), Page([block], None), capsys)
    with monkeypatch.context() as patched:
        patched.setattr(CroctEvents, "transform_reason", lambda _: "a test")
        plain = emitted(sync_of(), Page([block], None), capsys)
    assert fast == plain


@pytest.mark.parametrize("spooled", [0, 1])
@pytest.mark.parametrize("is_batched", [False, True])
def test_no_part_of_a_record_leaves_on_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, spooled: int, is_batched: bool
) -> None:
    """The page's first block is whole; of the second nothing is written, nor promised."""
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": f"file://{tmp_path}"}}
    sync = sync_of(**({"batch_config": batches} if is_batched else {}))
    broken = {"id": "b", **TIME, "payload": msgspec.Raw(b'{\n"a": 1\n}')}
    page = Page([[{"id": "a", **TIME}], [{"id": "c", **TIME}, broken]], None, disk_bytes=spooled)

    def emit_all() -> None:
        emitted(sync, page, capsys)
        sync.close(None)

    with pytest.raises(FatalVendorError, match=r"as [45] lines, .* please report it"):
        emit_all()
    messages = list(map(json.loads, capsys.readouterr().out.splitlines()))
    whole = ["a"] if spooled and not is_batched else []
    assert [message["record"]["id"] for message in messages] == whole
    assert not list(tmp_path.iterdir())


def test_records_that_wait_for_a_file_are_not_promised_before_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second page fills a file that can't be written, and that the first page is in."""
    folder = tmp_path / "folder"
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": f"file://{folder}"}}
    sync = sync_of(batch_config={**batches, "batch_size": 2})
    assert emitted(sync, Page([[{"id": "a", **TIME}]], {"cursor": "b"}), capsys) == []
    page = Page([[{"id": "b", **TIME}]], None)
    folder.write_text("a file has the folder's name")
    for fails in (lambda: emitted(sync, page, capsys), lambda: sync.close(None)):
        with pytest.raises(FatalVendorError, match="a file can't be written"):
            fails()
    assert "STATE" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "deselected", [["userId"], ["context"], ["payload", "properties", "total"]]
)
def test_selection_is_the_sdks(deselected: list[str]) -> None:
    catalog = json.loads(TapEventExport(config=CONFIG).catalog_json_text)
    entry, *_ = catalog["streams"]
    breadcrumb = ["properties", *deselected]
    entry["metadata"].append({"breadcrumb": breadcrumb, "metadata": {"selected": False}})
    stream = TapEventExport(config=CONFIG, catalog=catalog).streams["croct_events"]
    assert isinstance(stream, CroctEvents)
    record = {
        "id": "a",
        "userId": "b",
        "context": {"url": "c"},
        "payload": {"@type": "d", "total": 5, "cart": {"total": 6}},
    }
    copy = json.loads(json.dumps(record))
    messages = stream._generate_record_messages(copy)  # noqa: SLF001
    expected = [message.record for message in messages]
    assert stream.transform([record]) == {"croct_events": expected}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, None),
        ({"stream_maps": {"croct_events": {"userId": None}}}, "stream_maps"),
        ({"flattening_enabled": True, "flattening_max_depth": 1}, "flattening"),
    ],
)
def test_what_asks_for_the_plain_path(config: dict[str, Any], reason: str | None) -> None:
    assert stream_of(**config).transform_reason() == reason


def test_a_new_column_comes_in_a_new_schema_before_its_first_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sync = sync_of()
    known = {"id": "a", "timestamp": "2026-03-01T00:00:00.000Z"}
    page = Page([[{**known, "colour": "red"}]], None, columns={"colour": {"type": ["string"]}})
    schema, record, state = emitted(sync, page, capsys)
    assert schema["schema"]["properties"]["colour"] == {"type": ["string"]}
    assert record["record"]["colour"] == "red"
    assert state["type"] == "STATE"
    again = emitted(sync, page, capsys)
    assert [message["type"] for message in again] == ["RECORD"]
    assert "colour" not in stream_of().schema["properties"]


def test_new_columns_that_flattening_gives_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    sync = sync_of(flattening_enabled=True, flattening_max_depth=1, flattening_max_key_length=20)
    columns = {f"onelongnameofacolumn{end}": {"type": ["string"]} for end in ("one", "two")}
    record = {"id": "a", "timestamp": "2026-03-01T00:00:00.000Z", **dict.fromkeys(columns, "x")}
    page = Page([[record]], None, columns=columns)
    with pytest.raises(StreamMapError, match="flattening: croct_events: Duplicate column name"):
        emitted(sync, page, capsys)


def test_a_new_column_passes_stream_maps_too(capsys: pytest.CaptureFixture[str]) -> None:
    sync = sync_of(stream_maps={"croct_events": {"shout": "colour.upper()"}})
    known = {"id": "a", "timestamp": "2026-03-01T00:00:00.000Z"}
    page = Page([[{**known, "colour": "red"}]], None, columns={"colour": {"type": ["string"]}})
    _, record, _ = emitted(sync, page, capsys)
    assert record["record"] == {**known, "colour": "red", "shout": "RED"}
