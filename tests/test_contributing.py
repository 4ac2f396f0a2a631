"""The vendor that CONTRIBUTING.md adds works, and is as hard to deceive as the others."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import requests_mock
from singer_sdk import typing as th

from tap_eventexport import checks, settings, tap
from tap_eventexport.engine.http import retry
from tap_eventexport.engine.paging.cursors import MAX_EMPTY, MAX_REPEATED
from tests.meltano import ROOT
from tests.singer import Heard

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = dict[str, Any]

STREAM = "acme_events"
START, DAY, DAYS, PAGE = 1772323200000, 86_400_000, 3, 2  # milliseconds, events


def event(at: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"e{at}", "at": at, "kind": "k", "data": {"at": at, "text": "한"}, **fields}


EVENTS = [event(START + day * DAY + at) for day in range(DAYS) for at in (0, 5, 77, DAY - 1)]
KEYS = [each["id"] for each in EVENTS]


@dataclass
class Acme:
    """The vendor.

    Attributes:
        change: Makes of an answer, and of how many there were before, another one.
        write: Writes it.
        margin: By how many milliseconds it answers with more than it is asked for, at both ends.
        asked: The beginning of each window that it was asked for, once for each page.
    """

    change: Callable[[Answer, int], Answer] = lambda answer, _number: answer
    write: Callable[[Answer], bytes] = lambda answer: json.dumps(answer).encode()
    margin: int = 0
    asked: list[int] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def begin(self) -> None:
        """Forget what was asked."""
        self.asked.clear()
        self._numbers = count()

    def answer(self, request: Any, _context: Any) -> bytes:
        number = next(self._numbers)
        self.asked.append(int(request.qs["from"][0]))
        start = int(request.qs["from"][0]) - self.margin
        end = int(request.qs["to"][0]) + self.margin
        if "offset" in request.qs:
            return self.listed(start, end, *(int(request.qs[n][0]) for n in ("offset", "limit")))
        place = int(request.qs.get("cursor", ["0"])[0].partition("-")[0])
        around = [event(START - 1), *EVENTS, event(START + DAYS * DAY)]
        events = [each for each in around if start <= each["at"] < end]
        rest = events[place + PAGE :]
        answer: Answer = {"events": events[place : place + PAGE]}
        if rest:
            answer["next"] = f"{place + PAGE}-{number}"
        return self.write(self.change(answer, number))

    def listed(self, start: int, end: int, offset: int, limit: int) -> bytes:
        events = [each for each in EVENTS if start <= each["at"] < end]
        return self.write({"events": events[offset : offset + limit], "total": len(events)})


@dataclass
class Run:
    """A finished run."""

    code: int
    heard: Heard
    log: str


def examples() -> list[str]:
    """The vendor's file, and what it has instead if its pages have offsets."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    sys.modules[name] = made  # where msgspec looks for the types of fields
    exec(compile(source, name, "exec"), vars(made))  # noqa: S102 - the example's own
    return made


@pytest.fixture
def read(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Callable[[Acme], Run]:
    """Runs the tap with the example as its only vendor."""
    example, by_offsets = examples()
    acme = module("acme", example)
    exec(by_offsets.replace("LIMIT = 1000", f"LIMIT = {PAGE}"), vars(acme))  # noqa: S102
    blocks = (settings.GENERAL, acme.SETTINGS)
    schema = th.PropertiesList(*(each for block in blocks for each in block)).to_dict()
    monkeypatch.setattr(tap.TapEventExport, "config_jsonschema", schema)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    config = {
        "acme_api_key": "a-key-of-the-tests",
        "acme_api_url": "https://api.acme.example/",
        "start_date": "2026-03-01T00:00:00Z",
        "end_date": "2026-03-04T00:00:00Z",
    }

    def run(vendor: Acme, stream: str = "AcmeEvents", state: Any = None) -> Run:
        api = replace(acme.VENDOR.apis[""], streams=(getattr(acme, stream),))
        for place in (tap, checks):
            monkeypatch.setattr(place, "VENDORS", (replace(acme.VENDOR, apis={"": api}),))
        adapter = requests_mock.Adapter()  # a Mocker is for one thread
        adapter.register_uri("GET", "https://api.acme.example/v1/events", content=vendor.answer)
        monkeypatch.setattr(
            "tap_eventexport.engine.http.client._Session.get_adapter", lambda *_, **__: adapter
        )
        made = tap.TapEventExport(config=config, state=state)
        assert made.check_connection() == 0
        vendor.begin()
        capsys.readouterr()
        before = threading.enumerate()
        code = made.run()
        for thread in set(threading.enumerate()).difference(before):
            thread.join(10)  # those of a stream that failed may ask once more
        heard = Heard()
        for line in capsys.readouterr().out.splitlines():
            heard.hear(line)
        return Run(code, heard, caplog.text)

    return run


def is_complete(run: Run) -> bool:
    """Whether all that was wanted came, each once and in order, and is promised."""
    assert run.code == 0, run.log
    assert run.heard.bookmark(STREAM) == "2026-03-04T00:00:00.000Z"
    return run.heard.keys(STREAM) == KEYS


def promised(run: Run) -> tuple[Any, Any]:
    """The last bookmark of a run that failed, and the cursor behind it."""
    assert run.code == 1
    if not run.heard.states:
        return None, None
    bookmark = run.heard.states[-1]["bookmarks"][STREAM]
    return bookmark["replication_key_value"], bookmark.get("position", {}).get("cursor")


def test_the_example_vendor(read: Callable[[Acme], Run]) -> None:
    run = read(Acme())
    assert is_complete(run)
    assert run.heard.records[STREAM][1]["data"] == EVENTS[1]["data"]
    assert run.heard.records[STREAM][1]["at"] == "2026-03-01T00:00:00.005Z"
    position = run.heard.states[0]["bookmarks"][STREAM]["position"]
    assert position["cursor"] == "2-0"
    assert msgspec.json.encode(position).count(b"a-key") == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_json_over_many_lines(read: Callable[[Acme], Run], end: str) -> None:
    def write(answer: Answer) -> bytes:
        return json.dumps(answer, indent=2, ensure_ascii=False).replace("\n", end).encode()

    run = read(Acme(write=write))
    assert is_complete(run)
    assert run.heard.records[STREAM][1]["data"] == EVENTS[1]["data"]


def test_text_that_is_not_utf_8(read: Callable[[Acme], Run]) -> None:
    """The second page has some: it is asked for again, and then nothing of it is taken."""

    def write(answer: Answer) -> bytes:
        body = json.dumps(answer, ensure_ascii=False).encode()
        is_second = any(each["at"] == EVENTS[PAGE]["at"] for each in answer["events"])
        return body.replace(b"\xed", b"\xff\xfe") if is_second else body

    run = read(Acme(write=write))
    assert promised(run) == ("2026-03-01T00:00:00.000Z", "2-0")
    assert run.heard.keys(STREAM) == KEYS[:PAGE]
    assert (
        "which is not the expected list of events: 'utf-8' codec can't decode byte 0xff" in run.log
    )


def test_a_cursor_that_repeats(read: Callable[[Acme], Run]) -> None:
    run = read(Acme(lambda answer, _: {**answer, "next": "2-again"}))
    assert promised(run) == ("2026-03-01T00:00:00.000Z", "2-again")
    assert run.heard.keys(STREAM) == KEYS[:PAGE]
    assert "Acme repeats a cursor in [2026-03-01T00:00:00.000Z" in run.log


def test_the_same_page_for_ever(read: Callable[[Acme], Run]) -> None:
    acme = Acme(lambda _, number: {"events": EVENTS[:PAGE], "next": f"0-{number}"})
    run = read(acme)
    assert promised(run) == ("2026-03-01T00:00:00.000Z", "0-0")
    assert run.heard.keys(STREAM) == KEYS[:PAGE]
    assert "Acme sends the same page for each cursor in [2026-03-01T" in run.log
    assert acme.asked.count(START) == MAX_REPEATED + 2


def test_an_end_that_is_told_by_empty_pages_alone(read: Callable[[Acme], Run]) -> None:
    """Each has a new cursor."""
    acme = Acme(lambda answer, number: {**answer, "next": answer.get("next", f"99-{number}")})
    assert is_complete(read(acme))
    assert Counter(acme.asked) == {START + day * DAY: 2 + MAX_EMPTY for day in range(DAYS)}


@pytest.mark.parametrize("margin", [1, DAYS * DAY])
def test_events_of_other_times_than_those_asked_for(
    read: Callable[[Acme], Run], margin: int
) -> None:
    """Both ends of each window are inclusive, or the window makes no difference."""
    assert is_complete(read(Acme(margin=margin)))


def test_a_cursor_that_is_no_longer_accepted(read: Callable[[Acme], Run]) -> None:
    """The window is read from its start, so that its first page comes twice."""

    class Forgetful(Acme):
        def answer(self, request: Any, context: Any) -> bytes:
            if request.qs.get("cursor") == ["2-0"]:
                context.status_code = 410
            return super().answer(request, context)

    run = read(Forgetful())
    assert run.code == 0
    assert Counter(run.heard.keys(STREAM)) == Counter([*KEYS[:PAGE], *KEYS])
    assert "Acme no longer accepts the cursor; reading the window" in run.log


def test_offsets_instead_of_cursors(read: Callable[..., Run]) -> None:
    """It goes on from each STATE, and sends what lies behind it once."""
    run = read(Acme(), "AcmeList")
    assert is_complete(run)
    assert run.heard.states[0]["bookmarks"][STREAM]["position"]["offset"] == PAGE
    for number, state in enumerate(run.heard.states):
        again = read(Acme(), "AcmeList", state)
        assert again.code == 0
        assert set(again.heard.keys(STREAM)) >= set(KEYS[PAGE * (number + 1) :])
