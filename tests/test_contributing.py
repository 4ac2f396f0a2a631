"""The vendor that CONTRIBUTING.md adds works."""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec
import requests_mock
from singer_sdk import typing as th

from tap_eventexport import checks, settings, tap
from tests.meltano import ROOT
from tests.singer import Heard

if TYPE_CHECKING:
    import pytest

START, DAYS, PAGES = 1772323200000, 3, 2  # milliseconds since 1970


def module(name: str, source: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    sys.modules[name] = made  # where msgspec looks for the types of fields
    exec(compile(source, name, "exec"), vars(made))  # noqa: S102 - the example's own
    return made


def answer(request: Any, _context: Any) -> str:
    start, page = int(request.qs["from"][0]), int(request.qs["page"][0])
    events = [
        {"id": f"{start}-{page}-{n}", "at": start + n, "kind": "k", "data": {"n": n}}
        for n in (0, 5, 86_400_000)  # the last is at the window's end, which isn't its own
    ]
    return json.dumps({"events": events, "pages": PAGES})


def test_the_example_vendor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    setting, stream = examples
    acme = module("acme_settings", setting, th=th, Vendor=settings.Vendor)
    streams = module("acme_stream", stream)
    blocks = (*settings.BLOCKS, acme.ACME)
    schema = th.PropertiesList(*(each for block in blocks for each in block)).to_dict()
    for place in (settings, checks):
        monkeypatch.setattr(place, "vendors", lambda _config: (acme.ACME_API,))
    monkeypatch.setattr(tap, "STREAMS", (streams.AcmeEvents,))
    monkeypatch.setattr(tap.TapEventExport, "config_jsonschema", schema)
    config = {
        "acme_api_key": "a-key-of-the-tests",
        "start_date": "2026-03-01T00:00:00Z",
        "end_date": "2026-03-04T00:00:00Z",
    }
    with requests_mock.Mocker() as mocker:
        mocker.get("https://api.acme.example/v1/events", text=answer)
        made = tap.TapEventExport(config=config)
        assert made.prove() == 0
        capsys.readouterr()
        assert made.run() == 0
    heard = Heard()
    for line in capsys.readouterr().out.splitlines():
        heard.hear(line)
    starts = [START + day * 86_400_000 for day in range(DAYS)]
    assert heard.keys("acme_events") == [
        f"{start}-{page}-{n}" for start in starts for page in range(1, PAGES + 1) for n in (0, 5)
    ]
    assert heard.records["acme_events"][1]["data"] == {"n": 5}
    assert heard.bookmark("acme_events") == "2026-03-04T00:00:00.000Z"
    position = heard.states[0]["bookmarks"]["acme_events"]["position"]
    assert position["page"] == 2
    assert msgspec.json.encode(position).count(b"a-key") == 0
