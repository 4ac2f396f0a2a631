"""What may be loaded at the same time."""

from __future__ import annotations

from datetime import timedelta

from tap_eventexport.backfill.load import Job
from tap_eventexport.backfill.plan import Partition
from tap_eventexport.backfill.scheduler import Scheduler, Task
from tap_eventexport.backfill.sources import Quota
from tap_eventexport.engine.windows import EPOCH, Window

DAY = timedelta(days=1)
CROCT, HAPPYTALK = Quota("Croct", 2, 1), Quota("HappyTalk", 3, 1)


def tasks(stream: str, quota: Quota, count: int) -> list[Task]:
    job = Job("a backfill", ("loader",), {}, {})
    days = [Window(EPOCH + number * DAY, EPOCH + (number + 1) * DAY) for number in range(count)]
    return [
        Task(Partition(stream, day, f"{stream}-{number}"), job, quota)
        for number, day in enumerate(days)
    ]


def begun(order: Scheduler) -> list[str]:
    return [task.partition.id for task in order.begin()]


def test_the_first_of_each_stream_is_alone_then_as_many_as_the_quota_allows() -> None:
    first, *others = tasks("croct", CROCT, 5)
    order = Scheduler([first, *others])
    assert begun(order) == ["croct-0"]
    assert begun(order) == []
    order.end(first, is_loaded=True)
    assert begun(order) == ["croct-1", "croct-2"]
    order.end(others[1], is_loaded=True)
    assert begun(order) == ["croct-3"]


def test_streams_of_one_vendor_share_its_quota_and_take_turns() -> None:
    history, siem = (tasks(stream, HAPPYTALK, 4) for stream in ("history", "siem"))
    order = Scheduler([*history, *siem, *tasks("croct", CROCT, 1)])
    assert begun(order) == ["history-0", "siem-0", "croct-0"]
    order.end(history[0], is_loaded=True)
    assert begun(order) == ["history-1", "history-2"]
    order.end(siem[0], is_loaded=True)
    assert begun(order) == ["siem-1"]
    order.end(history[1], is_loaded=True)
    assert begun(order) == ["history-3"]
    for task in (history[2], siem[1]):
        order.end(task, is_loaded=True)
    assert begun(order) == ["siem-2", "siem-3"]


def test_no_stream_waits_until_its_sister_is_loaded() -> None:
    history, siem = (tasks(stream, HAPPYTALK, 50) for stream in ("history", "siem"))
    order = Scheduler([*history, *siem])
    waiting = {task.partition.id: task for task in (*history, *siem)}
    running, ended = begun(order), []
    while running:
        ended.append(running.pop(0))
        order.end(waiting[ended[-1]], is_loaded=True)
        running += begun(order)
    assert len(ended) == 100
    for number in range(0, 100, 10):
        first = sum(name.startswith("history") for name in ended[:number])
        assert abs(2 * first - number) <= HAPPYTALK.leases


def test_a_stream_whose_first_partition_fails_is_not_tried_further() -> None:
    first, *others = tasks("croct", CROCT, 3)
    order = Scheduler([first, *others])
    assert begun(order) == ["croct-0"]
    order.end(first, is_loaded=False)
    assert begun(order) == []


def test_a_later_failure_ends_nothing_else() -> None:
    first, second, *others = tasks("croct", CROCT, 4)
    order = Scheduler([first, second, *others])
    assert begun(order) == ["croct-0"]
    order.end(first, is_loaded=True)
    assert begun(order) == ["croct-1", "croct-2"]
    order.end(second, is_loaded=False)
    assert begun(order) == ["croct-3"]
