"""A run that is ended at any moment, in any way: what was promised was given."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.singer import Heard
from tests.trust.world import KEYS, contents

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.singer import Tap
    from tests.trust.world import Contents, World

CRASHES = 4  # of each history, before a run may end by itself
UNFINISHED = {  # records of the page, file or day that a crash leaves without a promise
    "dfinery_events": 80,
    "dfinery_user_profiles": 60,
    "happytalk_service_history": 25,
    "happytalk_siem_events": 25,
    "croct_events": 20,
    "croct_sessions": 20,
    "croct_users": 20,
    "infobip_events": 20,
    "infobip_event_definitions": 4,
    "ncp_apigateway_events": 20,
}
SIGNALS = {"SIGTERM": 143, "SIGINT": 130}


def heard_of(lines: list[str]) -> Heard:
    """What a target makes of lines; the last may be cut."""
    heard = Heard()
    for line in lines:
        if line.endswith("\n"):
            heard.hear(line)
    return heard


def crash(tap: Tap, process: subprocess.Popen[str], chance: random.Random) -> tuple[Heard, str]:
    """End a run in some way at some moment; what was heard of it, and how it ended."""
    assert process.stdout
    how = chance.choice(("SIGKILL", "SIGTERM", "SIGINT", "closed stdout"))
    when = chance.choice(("line", "time"))
    ends: dict[str, Callable[[], None]] = {
        "closed stdout": lambda: None,
        **{name: lambda: process.send_signal(signal.Signals[how]) for name in SIGNALS},
        "SIGKILL": process.kill,
    }
    lines: list[str] = []
    if when == "time" and how != "closed stdout":
        timer = threading.Timer(chance.uniform(0.3, 2.5), ends[how])
        timer.start()
        lines += process.stdout
        timer.cancel()
    else:
        for _ in range(chance.randint(1, 500)):
            lines.append(process.stdout.readline())
        ends[how]()
        if how != "closed stdout":
            lines += process.stdout
    process.stdout.close()
    code = process.wait(timeout=20)
    # Python itself ends by a signal that comes before the run has begun or after it has ended; with
    # 1 if it is interrupted so early that it still looks for its packages.
    by_python = {-signal.SIGTERM, -signal.SIGINT}
    if tap.log.endswith("KeyboardInterrupt\n") and not lines:
        by_python.add(1)
    failures = [line for line in tap.log.splitlines() if " failed: " in line]
    assert code in {0, -signal.SIGKILL, 141, *SIGNALS.values(), *by_python}, failures
    return heard_of(lines), f"{how} by {when}: {code}"


def test_ended_again_and_again_nothing_is_lost(
    tap: Tap, world: World, reference: Contents, seed: int
) -> None:
    chance = random.Random(seed)
    world.sandbox.latency = chance.choice((0.0, 0.01, 0.03))
    state: dict[str, Any] | None = None
    given: Contents = {stream: Counter() for stream in KEYS}
    crashes = 0
    for _ in range(CRASHES):
        heard, _how = crash(tap, tap.start(state=state), chance)
        crashes += 1
        for stream, got in contents(heard).items():
            given[stream] += got
        state = heard.states[-1] if heard.states else state
        assert "Traceback" not in tap.log or not heard.schemas  # Python itself, while it starts
    for stream, got in contents(tap.read(state=state)).items():
        given[stream] += got
    for stream, expected in reference.items():
        assert given[stream].keys() == expected.keys(), stream
        assert given[stream].total() <= expected.total() + crashes * UNFINISHED[stream], stream


def test_every_state_line_is_a_safe_place_to_start_from(
    tap: Tap, reference: Contents, request: Any
) -> None:
    lines = tap.run().lines
    places = [number for number, line in enumerate(lines) if json.loads(line)["type"] == "STATE"]
    if not request.config.getoption("--long"):
        places = random.Random(0).sample(places, 8)
    for number in places:
        before = contents(heard_of([line + "\n" for line in lines[: number + 1]]))
        after = contents(tap.read(state=json.loads(lines[number])["value"]))
        for stream, expected in reference.items():
            got = before.get(stream, Counter()) + after.get(stream, Counter())
            assert got == expected, stream
