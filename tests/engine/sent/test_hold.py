"""Lines wait on disk, and leave in the order in which they came."""

from __future__ import annotations

import tempfile
from unittest.mock import patch

import psutil
import pytest

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.sent import hold
from tap_eventexport.engine.sent.hold import NO_SPAN, Held, Hold


def test_lines_leave_in_order_up_to_the_first_that_must_wait() -> None:
    held = [Held(1, 0, 2, b"a\nb\n"), Held(NO_SPAN, 1, 1, b"c\n"), Held(2, 0, 1, b"d\n")]
    waiting = Hold("events")
    assert waiting.is_empty
    for each in held:
        waiting.add(each)
    assert list(waiting.take_while(lambda span: span == NO_SPAN)) == []
    assert list(waiting.take_while(lambda span: span != 2)) == held[:2]
    waiting.add(held[0])
    assert list(waiting.take_while(lambda _: True)) == [held[2], held[0]]
    assert waiting.is_empty


def test_nothing_takes_room_before_and_after() -> None:
    before = psutil.Process().num_fds()
    waiting = Hold("events")
    waiting.add(Held(1, 0, 1, b"a\n"))
    waiting.close()
    assert waiting.is_empty
    assert list(waiting.take_while(lambda _: True)) == []
    assert psutil.Process().num_fds() == before


def test_there_is_a_limit() -> None:
    waiting = Hold("events")
    with patch.object(hold, "MOST_BYTES", 100):
        waiting.add(Held(1, 0, 1, b"x" * 50))
        assert not waiting.is_full
        waiting.add(Held(1, 0, 1, b"x" * 50))
        assert waiting.is_full


def test_a_disk_without_room_is_an_error_with_advice() -> None:
    error = OSError(28, "No space left on device")
    with (
        patch.object(tempfile, "TemporaryFile", side_effect=error),
        pytest.raises(
            FatalVendorError, match=r"events: what is compared .* No space left .* TMPDIR"
        ),
    ):
        Hold("events").add(Held(1, 0, 1, b"a\n"))
