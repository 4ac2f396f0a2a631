"""STATE comes out only after the commit of all that came before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_eventexport.errors import LoadError
from target_eventexport.load import Load, Options
from tests.target.loading import (
    ID,
    PROPERTIES,
    SCHEMA,
    line,
    load,
    of_record,
    record,
    schema,
    state,
)
from tests.target.running import run, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_eventexport.columns import Column
    from target_eventexport.table import Rows
    from tests.target.loading import Place, PostgresPlace


class Memory:
    """A destination that keeps what it is told, in order, beside the STATE that came out."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def prepare(
        self, stream: str, columns: Sequence[Column], keys: Sequence[str], order: str | None
    ) -> Any:
        from target_eventexport.table import Table  # noqa: PLC0415

        names = tuple(column.name for column in columns)
        return Table(stream, names, tuple(column.kind for column in columns), tuple(keys), order)

    def write(self, batch: Sequence[Rows]) -> None:
        rows = [int(row.split(b",")[0]) for each in batch for row in each.all]
        self.told.append(rows)

    def write_state(self, value: bytes) -> None:
        self.told.append(json.loads(value))

    def delete_other_versions(self, *_: object) -> None:
        raise AssertionError

    def close(self) -> None:
        self.told.append("closed")


def told(*messages: Any, **options: Any) -> list[Any]:
    """What became of messages: rows of a commit as a list, STATE as a text."""
    memory = Memory()
    load = Load(memory, memory.write_state, Options(**options))
    load.take([line(message) for message in messages])
    load.finish()
    return memory.told


def test_state_comes_after_what_came_before_it() -> None:
    messages = [SCHEMA, record(id=1), state("a"), record(id=2), state("b"), record(id=3)]
    assert told(*messages) == [[1, 2, 3], "b", "closed"]
    assert told(*messages, batch_rows=2) == [[1, 2], "a", [3], "b", "closed"]
    assert told(*messages, batch_rows=1) == [[1], [2], "a", [3], "b", "closed"]


def test_state_in_the_middle_of_a_batch_waits_for_its_end() -> None:
    records = [record(id=number) for number in range(5)]
    assert told(SCHEMA, *records[:3], state("a"), *records[3:], batch_rows=4) == [
        [0, 1, 2, 3],
        "a",
        [4],
        "closed",
    ]


def test_state_alone_and_state_first() -> None:
    assert told(state("a"), state("b")) == ["b", "closed"]
    assert told(state("a"), SCHEMA, record(id=1)) == [[1], "a", "closed"]
    assert told() == ["closed"]
    assert told(SCHEMA) == ["closed"]


@pytest.mark.parametrize("value", [None, {}, [], 0, "", {"a": [1.50, None, "한"]}])
def test_any_value_is_a_state(value: Any) -> None:
    assert told(state(value)) == [value, "closed"]


def test_a_state_is_passed_on_as_it_came() -> None:
    states: list[bytes] = []
    load = Load(Memory(), states.append, Options())
    load.take([b'{"type": "STATE", "value": {"b": 1.50, "a": 12345678901234567890123}}'])
    load.finish()
    assert states == [b'{"b": 1.50, "a": 12345678901234567890123}']


def test_a_schema_that_changes_ends_a_batch() -> None:
    other = schema({**PROPERTIES, "more": ID}, "id")
    assert told(SCHEMA, record(id=1), state("a"), SCHEMA, record(id=2), other, record(id=3)) == [
        [1, 2],
        "a",
        [3],
        "closed",
    ]


def test_a_batch_holds_all_streams() -> None:
    other = schema(PROPERTIES, "id", stream="others")
    assert told(SCHEMA, other, record(id=1), of_record({"id": 2}, "others"), state("a")) == [
        [1, 2],
        "a",
        "closed",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        record(id="text"),
        record(id=None),
        record(text="a"),
        of_record({"id": 1}, "unknown"),
        {"type": "RECORD", "stream": "events"},
        {"type": "NEWS"},
        {"value": {}},
        b"{",
        b"5",
        b"\xff",
        b"[" * 100_000,
        b'{"type":"RECORD","stream":"events","record":{"id":2}',
        schema({}, stream="events"),
        schema({"id": ID}, "other"),
        {"type": "SCHEMA", "stream": "events", "schema": 5},
        {"type": "SCHEMA", "stream": "events", "schema": {"properties": 5}, "key_properties": []},
        {"type": "SCHEMA", "stream": "events", "schema": {}, "key_properties": "id"},
        {"type": "BATCH", "stream": "events", "encoding": {"format": "csv"}, "manifest": ["a"]},
        {"type": "BATCH", "stream": "events", "encoding": {"format": "jsonl"}, "manifest": ["f:a"]},
        {"type": "BATCH", "stream": "unknown", "encoding": {}, "manifest": []},
        {"type": "ACTIVATE_VERSION", "stream": "unknown", "version": 1},
    ],
    ids=lambda message: str(message)[:99],
)
def test_a_bad_message_ends_the_load_with_one_line_and_no_later_state(bad: Any) -> None:
    memory = Memory()
    load = Load(memory, memory.write_state, Options(batch_rows=2))
    good = [SCHEMA, record(id=1), state("a"), record(id=2), record(id=3), state("b")]
    with pytest.raises(LoadError) as caught:
        load.take([line(message) for message in (*good, bad, state("c"))])
    load.close()
    assert "\n" not in str(caught.value)
    assert memory.told == [[1, 2], "a", "closed"]


def test_a_bad_record_leaves_what_was_committed(place: Place, tmp_path: Path) -> None:
    good = [SCHEMA, record(id=1), state("a"), record(id=2), state("b")]
    done = run(place, [*good, record(id="x"), state("c")], tmp_path, batch_rows=1)
    assert done.code == 1
    assert "events: a record doesn't fit its SCHEMA: Expected `int`, got `str`" in done.complaint
    assert done.states[-1] in {"a", "b"}
    assert [row["id"] for row in place.read("events")][: len(done.states)] == [1, 2][
        : len(done.states)
    ]


def test_a_null_key_is_told(place: Place) -> None:
    with pytest.raises(LoadError, match="events: a record has no value for its key id"):
        load(place, [SCHEMA, record(id=1), record(text="a")])
    with pytest.raises(LoadError, match="events"):
        load(place, [schema({"id": {}}, "id"), record(id=None)])


def test_a_batch_that_has_waited_long_is_committed_while_the_tap_is_silent(
    in_postgres: PostgresPlace, tmp_path: Path
) -> None:
    with running(in_postgres, tmp_path, batch_seconds=0.1) as loader:
        for message in (SCHEMA, record(id=1), state("a")):
            loader.stdin.write(line(message) + b"\n")
        assert loader.stdout.readline() == b'"a"\n'
        assert in_postgres.read("events") == [{"id": 1, "text": None}]
        loader.stdin.write(line(state("b")) + b"\n" + line(record(id=2))[:30])
        assert loader.stdout.readline() == b'"b"\n'
        loader.stdin.close()
        assert loader.wait() == 1
        assert "the input ended in the middle of a line" in loader.log


def test_what_comes_before_a_line_that_is_cut_is_loaded(place: Place, tmp_path: Path) -> None:
    whole = [SCHEMA, record(id=1), state("a"), record(id=2), state("b")]
    given = b"\n".join([*map(line, whole), line(record(id=3))[:-5]])
    with running(place, tmp_path) as loader:
        loader.stdin.write(given)
        loader.stdin.close()
        assert loader.stdout.read() == b'"b"\n'
        assert loader.wait() == 1
        assert loader.log.count("\n") == 1
    assert [row["id"] for row in place.read("events")] == [1, 2]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n \n"])
def test_the_end_of_the_last_line_is_no_matter(place: Place, tmp_path: Path, end: bytes) -> None:
    with running(place, tmp_path) as loader:
        loader.stdin.write(b"\r\n".join(map(line, [SCHEMA, record(id=1), state("a")])) + end)
        loader.stdin.close()
        assert loader.stdout.read() == b'"a"\n'
        assert loader.wait() == 0, loader.log
    assert [row["id"] for row in place.read("events")] == [1]
