"""Whatever happens to events and runs: the warehouse has the truth, and little is sent twice."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import gt, lt
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tap_eventexport.engine.errors import FatalVendorError
from tap_eventexport.engine.page import Page
from tap_eventexport.engine.runner import plan_streams, run_streams
from tap_eventexport.engine.singer.messages import MessageWriter
from tap_eventexport.engine.state.codec import read_bookmark
from tap_eventexport.engine.stream import EventStream
from tap_eventexport.engine.windows import Window, format_instant
from tap_eventexport.tap import TapEventExport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_eventexport.engine.state.bookmark import Bookmark

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
STREAM = "croct_events"
EVERY = timedelta(minutes=17)  # between two events
LOOKBACK = timedelta(hours=20)
PAGE = 7


@dataclass
class Vendor:
    """A vendor whose events may arrive late, change and disappear.

    Attributes:
        events: The time and the version of each event, by its id.
        now: The time.
        version: The last version of an event.
        newest_first: Its order.
    """

    events: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    now: datetime = BEGIN
    version: int = 0
    newest_first: bool = False

    def wait(self, passed: timedelta) -> int:
        """Let time pass, and events happen."""
        before = len(self.events)
        first, self.now = self.now, self.now + passed
        while (time := first + EVERY * (len(self.events) - before)) < self.now:
            self.put(f"at-{time:%d-%H-%M-%S}", time)
        return len(self.events) - before

    def put(self, identity: str, time: datetime) -> None:
        self.version += 1
        self.events[identity] = (time, self.version)

    def listed(self, window: Window, only: str, *, newest_first: bool) -> list[dict[str, Any]]:
        """The events of a window, in the vendor's order."""
        found = [
            (time, identity, version)
            for identity, (time, version) in self.events.items()
            if window.start <= time < window.end and identity.startswith(only)
        ]
        return [
            {"id": identity, "timestamp": format_instant(time), "payload": {"version": version}}
            for time, identity, version in sorted(found, reverse=newest_first)
        ]


@dataclass
class Step:
    """What happens before a run, and how it ends.

    Attributes:
        passed: How long nobody runs the tap.
        changes: What happens to events of the lookback: the kind, and how old its event is.
        ends: `complete`; `fails` after a number of pages; `killed` at a part of its lines.
        at: That number, and that part in percent.
        only: The ids that the filter of this run wants begin with this.
        settings: Other settings.
    """

    passed: timedelta
    changes: list[tuple[str, timedelta]]
    ends: str
    at: int
    only: str
    settings: dict[str, Any]


@dataclass
class Warehouse:
    """A loader that upserts, and its table.

    Attributes:
        rows: The version of each row, by id.
        state: The last STATE.
        sent: How often a record came.
    """

    rows: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    def load(self, lines: list[str]) -> None:
        for line in lines:
            message = json.loads(line)
            if message["type"] == "STATE":
                self.state = message["value"]
            elif message["type"] == "RECORD":
                self.rows[message["record"]["id"]] = message["record"]["payload"]["version"]
                self.sent += 1

    @property
    def bookmark(self) -> dict[str, Any]:
        found: dict[str, Any] = self.state.get("bookmarks", {}).get(STREAM, {})
        return found


def place(record: dict[str, Any]) -> tuple[str, str]:
    return record["timestamp"], record["id"]


def run(vendor: Vendor, step: Step, state: dict[str, Any]) -> tuple[list[str], EventStream]:
    """Run the tap; returns its lines, and the stream that was read."""
    config = {
        "croct_api_key": "key",
        "start_date": format_instant(BEGIN),
        "lookback_minutes": int(LOOKBACK / timedelta(minutes=1)),
        "croct_event_types": [step.only] if step.only else [],
        "concurrency": 1,
        **step.settings,
    }
    tap = TapEventExport(config=config, state=json.loads(json.dumps(state)))
    stream = tap.streams[STREAM]
    assert isinstance(stream, EventStream)
    stream.__dict__["now"] = vendor.now
    pages_left = step.at if step.ends == "fails" else 10**6

    def pages(window: Window, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        nonlocal pages_left
        records = vendor.listed(window, step.only, newest_first=vendor.newest_first)
        is_after = lt if vendor.newest_first else gt
        if cursor:
            begun = (cursor["timestamp"], cursor["id"])
            records = [record for record in records if is_after(place(record), begun)]
        for start in range(0, max(len(records), 1), PAGE):
            if pages_left == 0:
                raise FatalVendorError("it fails")
            pages_left -= 1
            page = records[start : start + PAGE]
            last = start + PAGE >= len(records)
            following = {key: page[-1][key] for key in ("timestamp", "id")} if not last else None
            yield Page([page], following)

    setattr(stream, "pages", pages)  # noqa: B010 - workers may use it after the run, too
    writer = tap.message_writer
    assert isinstance(writer, MessageWriter)
    with redirect_stdout(io.StringIO()) as out:
        stream.write_schema()
        (run,) = runs = plan_streams([stream], writer)
        run_streams(runs, writer)
    error = run.progress.error
    assert error is None or step.ends == "fails", error
    return out.getvalue().splitlines(), stream


minutes = st.integers(0, int(LOOKBACK / timedelta(minutes=1))).map(lambda n: timedelta(minutes=n))
steps = st.builds(
    Step,
    passed=st.sampled_from([0, 20, 60, 60, 60, 300, 2000]).map(lambda n: timedelta(minutes=n)),
    changes=st.lists(st.tuples(st.sampled_from(["late", "change", "remove"]), minutes), max_size=4),
    ends=st.sampled_from(["complete", "complete", "killed", "fails"]),
    at=st.integers(0, 10) | st.integers(0, 100),
    only=st.sampled_from(["", "", "", "at-"]),
    settings=st.sampled_from([{}, {}, {}, {"lookback_resend": "all"}, {"settle_minutes": 30}]),
)
LAST = Step(timedelta(minutes=60), [], "complete", 0, "", {})


def happen(vendor: Vendor, changes: list[tuple[str, timedelta]]) -> Iterator[datetime]:
    """Let events of the lookback arrive late, change, or disappear; yields their times."""
    for kind, age in changes:
        time = vendor.now - LOOKBACK + age
        near = [
            identity
            for identity, (when, _) in vendor.events.items()
            if time <= when < time + timedelta(hours=1)
        ]
        if kind == "late" and BEGIN <= time < vendor.now:
            vendor.put(f"late-{len(vendor.events)}-{vendor.version}", time)
            yield time
        elif kind != "late" and near:
            time, _ = vendor.events[near[0]]
            vendor.put(near[0], time)
            if kind == "remove":
                del vendor.events[near[0]]
            yield time


def covered(bookmark: Bookmark) -> timedelta:
    """How much time STATE can compare."""
    return sum((span.end - span.start for span in bookmark.sent.spans), timedelta(0))


def must_be_sent(vendor: Vendor, stream: EventStream, changed: list[datetime]) -> int:
    """How many events a run must send: the new ones, and those of spans in which one changed."""
    known = [
        span
        for span in stream.bookmark_before.sent.spans
        if not any(span.start <= time < span.end for time in changed)
    ]
    return sum(
        stream.interval is not None
        and stream.interval.start <= time < stream.interval.end
        and not any(span.start <= time < span.end for span in known)
        for time, _ in vendor.events.values()
    )


@given(history=st.lists(steps, min_size=1, max_size=6), newest_first=st.booleans())
def test_the_warehouse_equals_the_vendor_after_any_history(
    history: list[Step],
    newest_first: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    vendor, warehouse = Vendor(newest_first=newest_first), Warehouse()
    changed: list[datetime] = []
    for step in [*history, LAST, LAST]:  # after a window was resumed, one run more
        vendor.wait(step.passed)
        changed += happen(vendor, step.changes)
        lines, stream = run(vendor, step, warehouse.state)
        sent = sum('"RECORD"' in line for line in lines)
        is_whole = not stream.plan.reread  # of a window that is resumed
        assert not is_whole or sent <= must_be_sent(vendor, stream, changed)
        if step.ends == "killed":
            lines = lines[: len(lines) * step.at // 100]
        warehouse.load(lines)
        if step.ends == "complete" and stream.interval:
            after = read_bookmark(warehouse.bookmark, STREAM)
            if not stream.plan.checkpoints:  # else some pages are those of an earlier run
                changed.clear()
            assert after.watermark
            is_whole &= after.watermark <= stream.interval.end
            assert not is_whole or covered(after) >= min(LOOKBACK, after.watermark - BEGIN)
    assert stream.interval
    is_narrow = any(step.only for step in history)
    start = stream.interval.start if is_narrow else BEGIN
    truth = {
        identity: version
        for identity, (time, version) in vendor.events.items()
        if start <= time < stream.interval.end
    }
    assert truth.items() <= warehouse.rows.items()
