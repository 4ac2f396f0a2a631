"""What is done is remembered, in a folder and in S3."""

from __future__ import annotations

import json
import resource
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tap_eventexport.backfill.completed import CompletedStore, DoneError
from tap_eventexport.backfill.plan import Partition
from tap_eventexport.engine.windows import EPOCH, Window

if TYPE_CHECKING:
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store

DAY = Window(EPOCH, EPOCH + timedelta(days=1))
ONE, OTHER = (Partition("croct_events", DAY, f"croct_events-1970.000Z-{n}") for n in (1, 2))


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS's own environment variables lead to a store."""
    address = {"aws_endpoint_url": store.url, "aws_allow_http": "true"}
    for name, value in {**store.owner, **address}.items():
        monkeypatch.setenv(name.upper(), value)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "not" / "there yet")
    store: Store = request.getfixturevalue("store")
    for name, value in {
        **store.owner,
        "aws_endpoint_url": store.url,
        "aws_allow_http": "true",
    }.items():
        monkeypatch.setenv(name.upper(), value)
    return f"s3://{store.bucket}/{tmp_path.name}/done"


def test_a_later_run_knows_what_an_earlier_one_loaded(place: str) -> None:
    assert CompletedStore(place).ids() == set()
    CompletedStore(place).add(ONE)
    CompletedStore(place + "/").add(OTHER)
    assert CompletedStore(place).ids() == {ONE.id, OTHER.id}
    CompletedStore(place).add(ONE)
    assert CompletedStore(place).ids() == {ONE.id, OTHER.id}


@pytest.mark.parametrize("place", ["/dev/null/done", "nowhere://done", "s3://no-such-bucket/done"])
def test_a_place_that_can_not_be_used_is_named(
    place: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(store, monkeypatch)
    with pytest.raises(DoneError, match=f"{place} can't be used: "):
        CompletedStore(place).ids()


def test_a_full_disk_leaves_no_record(tmp_path: Path) -> None:
    (tmp_path / f"{OTHER.id}.json").touch()  # as an earlier version left it
    done = CompletedStore(str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(DoneError, match=f"{tmp_path} can't be used: "):
            done.add(ONE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.ids() == set()
    done.add(ONE)
    assert done.ids() == {ONE.id}


def test_a_record_says_what_was_loaded_and_when(tmp_path: Path) -> None:
    CompletedStore(str(tmp_path)).add(ONE)
    (path,) = tmp_path.iterdir()
    said = json.loads(path.read_text())
    assert said.pop("completed").endswith("Z")
    assert said == {
        "stream": "croct_events",
        "start": "1970-01-01T00:00:00.000Z",
        "end": "1970-01-02T00:00:00.000Z",
        "id": ONE.id,
    }
