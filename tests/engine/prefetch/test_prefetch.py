"""Pages come in order, whatever order they are read in; what waits is bounded."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_eventexport.engine.page import Page, PreparedWindow, SplitWindow
from tap_eventexport.engine.prefetch.prefetch import PageReady, ReadAhead, StreamDone, StreamQueue
from tap_eventexport.engine.windows import Window, split_every

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def windows(count: int) -> list[Window]:
    return [Window(BEGIN + n * HOUR, BEGIN + (n + 1) * HOUR) for n in range(count)]


def queue(
    name: str,
    count: int,
    read: Callable[
        [Window, Mapping[str, Any] | None],
        Iterator[Page] | Iterator[Page | PreparedWindow] | Iterator[Page | SplitWindow],
    ],
    workers: int = 4,
) -> StreamQueue[str]:
    return StreamQueue(name, iter([(window, None) for window in windows(count)]), read, workers)


def nothing() -> None:
    """No signal."""


def numbered(window: Window, _place: Mapping[str, Any] | None) -> Iterator[Page]:
    """Three pages for each window, in a time of chance."""
    for number in range(3):
        threading.Event().wait(random.random() / 500)
        yield Page([[{"window": window.start, "page": number}]], {} if number < 2 else None, 10)


def test_pages_of_each_lane_come_in_order() -> None:
    ahead: ReadAhead[str] = ReadAhead(50, 1000, nothing)
    for name in ("a", "b"):
        ahead.add(queue(name, 20, numbered))
    got: dict[str, list[tuple[datetime, int]]] = {"a": [], "b": []}
    ended = []
    for event in ahead:
        if isinstance(event, StreamDone):
            ended.append((event.key, event.error))
        else:
            assert isinstance(event.page, Page)
            (block,) = event.page.batches
            assert isinstance(block, list)
            (record,) = block
            assert isinstance(record, dict)
            got[event.key].append((record["window"], record["page"]))
    expected = [(window.start, number) for window in windows(20) for number in range(3)]
    assert got == {"a": expected, "b": expected}
    assert sorted(ended) == [("a", None), ("b", None)]


def test_windows_are_read_at_once_and_no_more_than_allowed() -> None:
    together = threading.Barrier(3)

    def read(_window: Window, _place: object) -> Iterator[Page]:
        together.wait(timeout=10)  # passes only if three windows are read at the same time
        yield Page([], None)

    ahead: ReadAhead[str] = ReadAhead(50, 1000, nothing)
    ahead.add(queue("a", 9, read, workers=3))
    assert sum(isinstance(event, PageReady) for event in ahead) == 9


def test_readers_share_the_work_of_a_vendor_that_is_only_a_little_slow() -> None:
    reading = 0
    together = []
    lock = threading.Lock()

    def read(_window: Window, _place: object) -> Iterator[Page]:
        nonlocal reading
        for _ in range(10):
            with lock:
                reading += 1
                together.append(reading)
            threading.Event().wait(0.01)
            with lock:
                reading -= 1
            yield Page([], {}, memory_bytes=100)

    ahead: ReadAhead[str] = ReadAhead(10_000, 1000, nothing)
    ahead.add(queue("a", 20, read, workers=4))
    assert sum(isinstance(event, PageReady) for event in ahead) == 200
    assert sum(together) / len(together) > 2.5


def test_what_waits_is_bounded_in_bytes_and_windows() -> None:
    asked: list[Window] = []

    def read(window: Window, _place: object) -> Iterator[Page]:
        for _ in range(10):
            asked.append(window)
            yield Page([], {}, memory_bytes=10)

    ahead: ReadAhead[str] = ReadAhead(45, 1000, nothing)
    ahead.add(queue("a", 100, read, workers=2))
    events = iter(ahead)
    next(events)
    settle(lambda: len(asked))
    assert len(asked) <= 1 + 5 + 2  # taken, waiting, and one more for each worker
    ahead.close()


def test_what_waits_is_bounded_on_disk() -> None:
    asked: list[Window] = []

    def read(window: Window, _place: object) -> Iterator[Page]:
        for _ in range(10):
            asked.append(window)
            yield Page([], {}, disk_bytes=10)

    ahead: ReadAhead[str] = ReadAhead(1000, 45, nothing)
    ahead.add(queue("a", 100, read, workers=2))
    next(iter(ahead))
    settle(lambda: len(asked))
    assert len(asked) <= 1 + 5 + 2
    ahead.close()


def settle(count: Callable[[], int]) -> None:
    """Wait until a number stops to grow."""
    before = -1
    while count() != before:
        before = count()
        threading.Event().wait(0.1)


def test_an_error_ends_its_lane_after_the_pages_before_it_and_no_other() -> None:
    def read(window: Window, _place: object) -> Iterator[Page]:
        yield Page([], {})
        if window.start == BEGIN + 2 * HOUR:
            raise ValueError("broken")
        yield Page([], None)

    ahead: ReadAhead[str] = ReadAhead(1000, 1000, nothing)
    ahead.add(queue("bad", 5, read))
    ahead.add(queue("good", 5, numbered))
    events = list(ahead)
    pages = [
        event.window.start
        for event in events
        if isinstance(event, PageReady) and event.key == "bad"
    ]
    assert pages == [BEGIN, BEGIN, BEGIN + HOUR, BEGIN + HOUR, BEGIN + 2 * HOUR]
    errors = {event.key: str(event.error) for event in events if isinstance(event, StreamDone)}
    assert errors == {"bad": "broken", "good": "None"}


def test_a_lane_can_be_dropped() -> None:
    ahead: ReadAhead[str] = ReadAhead(1000, 1000, nothing)
    ahead.add(queue("a", 5, numbered))
    ahead.add(queue("b", 5, numbered))
    seen = []
    for event in ahead:
        seen.append(event.key)
        if event.key == "a":
            ahead.drop("a")
    assert seen.count("a") == 1
    assert seen.count("b") == 16


def test_a_lane_without_windows_ends() -> None:
    ahead: ReadAhead[str] = ReadAhead(1000, 1000, nothing)
    ahead.add(queue("a", 0, numbered))
    assert list(ahead) == [StreamDone("a", None)]


def test_looking_at_the_signals_can_end_the_waiting() -> None:
    def read(_window: Window, _place: object) -> Iterator[Page]:
        threading.Event().wait(5)
        yield Page([], None)

    def stopped() -> None:
        raise KeyboardInterrupt

    ahead: ReadAhead[str] = ReadAhead(1000, 1000, stopped)
    ahead.add(queue("a", 1, read))
    with pytest.raises(KeyboardInterrupt):
        list(ahead)
    ahead.close()


def test_the_news_of_an_opened_window_comes_at_once_and_its_reader_waits_for_it() -> None:
    written: list[datetime] = []
    all_opened = threading.Barrier(3)

    def read(window: Window, _place: object) -> Iterator[Page | PreparedWindow]:
        yield PreparedWindow({"id": window.start})
        assert window.start in written
        all_opened.wait(timeout=10)  # passes only if no page of an earlier window came before
        yield Page([], None)

    ahead: ReadAhead[str] = ReadAhead(1000, 1000, nothing)
    ahead.add(queue("a", 3, read))
    pages: list[datetime] = []
    for event in ahead:
        assert isinstance(event, PageReady) or event.error is None
        if isinstance(event, PageReady) and isinstance(event.page, PreparedWindow):
            assert not pages
            written.append(event.page.cursor["id"])
        elif isinstance(event, PageReady):
            pages.append(event.window.start)
    assert sorted(written) == pages == [window.start for window in windows(3)]


def test_a_window_can_be_read_as_several_in_its_place() -> None:
    third = BEGIN + 2 * HOUR

    def read(window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page | SplitWindow]:
        if window == Window(third, third + HOUR):
            yield SplitWindow(tuple(split_every(window, HOUR / 5)))
        else:
            yield from numbered(window, cursor)

    ahead: ReadAhead[str] = ReadAhead(50, 1000, nothing)
    ahead.add(queue("a", 9, read))
    got = [
        (event.window.start, event.window.end) for event in ahead if isinstance(event, PageReady)
    ]
    parts = [*split_every(Window(third, third + HOUR), HOUR / 5)]
    expected = [*windows(9)[:2], *parts, *windows(9)[3:]]
    assert got == [(window.start, window.end) for window in expected for _ in range(3)]


def test_all_workers_read_the_parts_of_a_window_that_others_were_read_ahead_of() -> None:
    many_asked, parts_at_once = threading.Event(), threading.Barrier(4)
    asked: set[Window] = set()

    def read(window: Window, _place: object) -> Iterator[Page | SplitWindow]:
        if window == windows(1)[0]:
            many_asked.wait(timeout=10)
            yield SplitWindow(tuple(split_every(window, HOUR / 4)))
        elif window.end <= BEGIN + HOUR:
            parts_at_once.wait(timeout=10)  # passes only if all four parts are read at once
            yield Page([], None)
        else:
            asked.add(window)
            if len(asked) == 10:
                many_asked.set()
            yield Page([], {})
            yield Page([], None)

    ahead: ReadAhead[str] = ReadAhead(1000, 1000, nothing)
    ahead.add(queue("a", 100, read, workers=4))
    events = list(ahead)
    assert events[-1] == StreamDone("a", None)
    assert len(events) == 4 + 2 * 99 + 1


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_reader_may_hold_a_lock_until_the_news_of_its_window_is_written(workers: int) -> None:
    one_at_a_time = threading.Lock()

    def read(_window: Window, _place: object) -> Iterator[Page | PreparedWindow]:
        with one_at_a_time:
            yield PreparedWindow({})
        yield Page([], None)

    deadline = time.monotonic() + 10

    def fail_if_late() -> None:
        if time.monotonic() > deadline:
            raise TimeoutError

    ahead: ReadAhead[str] = ReadAhead(1000, 1000, fail_if_late)
    ahead.add(queue("a", 9, read, workers=workers))
    assert len(list(ahead)) == 9 + 9 + 1
