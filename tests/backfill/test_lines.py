"""The last line of a stream, and the STATE in it."""

from __future__ import annotations

import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.backfill.lines import LONGEST, LastLine, copy, last_state

STATE = {"bookmarks": {"croct_events": {"replication_key_value": "2026-03-01T00:00:00.000Z"}}}
VALUE = json.dumps(STATE).encode()
MESSAGE = json.dumps({"type": "STATE", "value": STATE}).encode()


def last(*chunks: bytes) -> LastLine:
    line = LastLine()
    for chunk in chunks:
        line.feed(chunk)
    return line


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (VALUE + b"\n", STATE),
        (MESSAGE + b"\n", STATE),
        (b'{"type": "RECORD"}\n' + MESSAGE + b"\n", STATE),
        (MESSAGE + b'\n{"type": "RECORD"}\n', None),
        (b'{"type": "RECORD"}\n' + MESSAGE[:-1], None),  # cut, and no line
        (MESSAGE + b'\n{"bookmarks":', STATE),
        (b"", None),
        (b"\n", None),
        (b"done\n", None),
        (b"[1]\n", None),
        (b"[" * 100_000 + b"\n", None),
        (b'{"type": "STATE", "value": null}\n', None),
        (b"\xff\n", None),
        (MESSAGE[:-1] + b" " * LONGEST + b"}\n", None),
        (b"x" * (2 * LONGEST) + b"\n" + VALUE + b"\n", STATE),
    ],
)
def test_the_state_in_the_last_line(text: bytes, state: object) -> None:
    assert last(text).state == state
    half = len(text) // 2
    assert last(text[:half], text[half:]).state == state


@given(st.lists(st.binary(max_size=3).map(lambda part: part.replace(b"\0", b"\n"))))
def test_chunks_make_no_difference(chunks: list[bytes]) -> None:
    lines = b"".join(chunks).split(b"\n")
    assert last(*chunks).text == (lines[-2] if len(lines) > 1 else b"")


def test_all_is_handed_on_and_its_last_state_is_known() -> None:
    source, feed = os.pipe()
    drain, target = os.pipe()
    text = b'{"type": "RECORD"}\n' * 20_000 + MESSAGE + b"\n"

    def write() -> None:
        with os.fdopen(feed, "wb") as file:
            file.write(text)

    got: list[bytes] = []

    def read() -> None:
        with os.fdopen(drain, "rb") as file:
            got.append(file.read())

    threads = [threading.Thread(target=each) for each in (write, read)]
    for thread in threads:
        thread.start()
    assert copy(os.fdopen(source, "rb"), os.fdopen(target, "wb")) == STATE
    for thread in threads:
        thread.join()
    assert got == [text]


def test_a_target_that_is_gone_is_noticed_while_nothing_comes() -> None:
    source, feed = os.pipe()
    drain, target = os.pipe()
    os.close(drain)
    assert copy(os.fdopen(source, "rb"), os.fdopen(target, "wb")) is None
    with pytest.raises(BrokenPipeError):
        os.write(feed, b"x")
    os.close(feed)


def test_the_last_state_of_a_log_that_is_read_to_its_end() -> None:
    source, feed = os.pipe()
    os.write(feed, b"loading\n" + VALUE + b"\n")
    os.close(feed)
    with os.fdopen(source, "rb") as file:
        assert last_state(file) == STATE
