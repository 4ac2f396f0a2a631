"""The sandbox and the command, ready to use."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import SESSIONS, USERS
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store
from tests import environment
from tests.postgres import Postgres, postgres, programs
from tests.singer import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator

CROCT_KEY = "a-croct-key-of-the-tests"
HAPPYTALK_TOKEN = "a-happytalk-token-of-the-tests"  # noqa: S105
NCP_KEYS = ("an-ncp-access-key-of-the-tests", "an-ncp-secret-key-of-the-tests")
BESIDE_EVENTS = ("croct_sessions", "croct_users")  # which have tests of their own
START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 4, tzinfo=UTC)


hypothesis.register_profile(
    "same everywhere",
    deadline=None,  # a machine may be busy
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis.load_profile("same everywhere")
hypothesis.register_profile(
    "long", hypothesis.get_profile("same everywhere"), derandomize=False, max_examples=1000
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long setting of the tests."""
    parser.addoption(
        "--long", action="store_true", help="try every fault, 200 crashes, and other examples"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the environment, in each process that runs tests."""
    if config.getoption("long"):
        hypothesis.load_profile("long")
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=0):
        home = TemporaryDirectory(prefix="home-of-tests-", ignore_cleanup_errors=True)
        config.add_cleanup(home.cleanup)
        environment.make(Path(home.name))


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a test sets, other tests don't have."""
    with patch.dict(os.environ):
        yield


@pytest.fixture
def croct() -> Croct:
    """Three days of Croct's events: 240 a day, ended long ago, so that no test needs today."""
    return Croct(History(240), api_key=CROCT_KEY)


@pytest.fixture
def happytalk() -> HappyTalk:
    """HappyTalk's history: 480 entries a day, and some twins."""
    return HappyTalk(History(480), token=HAPPYTALK_TOKEN)


@pytest.fixture
def ncp() -> Ncp:
    """Naver Cloud's events: 240 a day, and some twins."""
    return Ncp(History(240), access_key=NCP_KEYS[0], secret_key=NCP_KEYS[1])


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A real S3 and STS, for the tests of one process."""
    with Store() as store:
        yield store


@pytest.fixture
def sandbox(croct: Croct, happytalk: HappyTalk, ncp: Ncp) -> Iterator[Sandbox]:
    others = [replace(croct, kind=kind) for kind in (SESSIONS, USERS)]
    with Sandbox([croct, *others, happytalk, ncp]) as sandbox:
        yield sandbox


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "croct_api_key": CROCT_KEY,
        "croct_api_url": sandbox.url,
        "croct_page_size": 50,
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    }


@pytest.fixture
def all_settings(settings: dict[str, Any], sandbox: Sandbox) -> dict[str, Any]:
    """Every vendor configured."""
    return {
        **settings,
        "happytalk_token": HAPPYTALK_TOKEN,
        "happytalk_api_url": sandbox.url,
        "ncp_access_key": NCP_KEYS[0],
        "ncp_secret_key": NCP_KEYS[1],
        "ncp_api_url": sandbox.url,
    }


@pytest.fixture
def tap(tmp_path: Path, settings: dict[str, Any]) -> Tap:
    """The command, for the events of its vendors alone."""
    return Tap(tmp_path, without=BESIDE_EVENTS, **settings)


@pytest.fixture
def truth(croct: Croct) -> list[str]:
    """The ids that a run over START to END must emit."""
    return croct.truth("croct_events", START, END) or []


@pytest.fixture
def zone() -> str:
    """The time zone of a test's PostgreSQL."""
    return "UTC"


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The folder of PostgreSQL's programs, a system's package that no environment can bring."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found


@pytest.fixture
def server(zone: str, binaries: Path) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own."""
    with postgres(binaries, zone) as server:
        yield server
