"""A limit of requests in a second, by a clock that is handed in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tap_eventexport.engine.http.rate_limit import TokenBucket

if TYPE_CHECKING:
    import pytest


def test_some_pass_at_once_and_then_so_many_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    waits: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bucket = TokenBucket(2.0, 3, waits.append)
    for _ in range(3):
        bucket.acquire()
    assert not waits
    bucket.acquire()
    bucket.acquire()
    assert waits == [0.5, 1.0]  # each waits for a token of its own
    now += 60
    for _ in range(3):
        bucket.acquire()
    assert waits == [0.5, 1.0]  # no more than three are saved up
    bucket.acquire()
    assert waits == [0.5, 1.0, 0.5]
