"""At a terminal, a load says only what a person should know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.console.terminal import seen
from tests.target.loading import SCHEMA, line, record, state
from tests.target.running import arguments

if TYPE_CHECKING:
    from pathlib import Path


def command(folder: Path) -> list[str]:
    messages = folder / "in.jsonl"
    messages.write_bytes(b"".join(line(each) + b"\n" for each in (SCHEMA, record(id=1), state(1))))
    place = f"duckdb:///{folder}/a.duckdb"
    return [*arguments(place, folder, batch_row=5), "--input", str(messages)]


def test_a_terminal_gets_short_lines_and_none_for_programs(tmp_path: Path) -> None:
    shown, stdout = seen(command(tmp_path), 100)
    assert stdout == "1\n"
    (line,) = shown.text.splitlines()
    assert line[8:] == " WARNING batch_row: unknown, so it has no effect; did you mean batch_rows?"


def test_a_log_that_tells_everything_is_as_it_is_in_a_file(tmp_path: Path) -> None:
    shown, _ = seen(command(tmp_path), 100, LOGLEVEL="DEBUG")
    assert "| INFO     | target-eventexport " in shown.text
