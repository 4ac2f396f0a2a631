"""Whether reading more of a stream at once would help."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tap_eventexport.engine.prefetch import load
from tap_eventexport.engine.prefetch.load import Load


@dataclass
class Clock:
    """The clocks of a process, moved by hand."""

    now: float = 0.0
    computed: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.computed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(load, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("waited", "computed", "process_computed", "is_hungry"),
    [
        pytest.param(0.95, 0.05, 0.1, True, id="the vendor is slow"),
        pytest.param(0.0, 0.2, 0.3, False, id="the target is slow"),
        pytest.param(0.6, 0.6, 0.95, False, id="this stream takes the processor"),
        pytest.param(0.6, 0.05, 0.95, True, id="another stream takes the processor"),
        pytest.param(0.5, 0.6, 0.7, True, id="the processor has time to spare"),
    ],
)
def test_more_is_read_at_once_while_a_stream_waits_for_its_vendor(
    clock: Clock,
    waited: float,
    computed: float,
    process_computed: float,
    is_hungry: bool,  # noqa: FBT001
) -> None:
    stream = Load()
    stream.wait()
    clock.now += waited
    stream.go_on()
    stream.compute(computed)
    clock.now += 1 - waited
    clock.computed += process_computed
    assert stream.is_hungry() == is_hungry


def test_a_wait_that_lasts_counts_before_it_ends(clock: Clock) -> None:
    stream = Load()
    stream.wait()
    for _ in range(3):
        clock.now += 1
        stream.wait()
        assert stream.is_hungry()
    for _ in range(2):
        stream.go_on()
    clock.now += 1
    assert not stream.is_hungry()


def test_a_judgement_holds_for_a_period(clock: Clock) -> None:
    stream = Load()
    assert not stream.is_hungry()
    stream.wait()
    clock.now += load.PERIOD / 2
    assert not stream.is_hungry()
    clock.now += load.PERIOD / 2
    assert stream.is_hungry()
