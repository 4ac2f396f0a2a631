"""The SDK's own tests of a tap, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_tap_test_class

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.tap import TapEventExport
from tests.conftest import CROCT_KEY, END, START

if TYPE_CHECKING:
    from collections.abc import Iterator

SANDBOX = Sandbox([Croct(History(20), api_key=CROCT_KEY)])


@pytest.fixture(scope="module", autouse=True)
def served() -> Iterator[None]:
    with SANDBOX:
        yield


TestTapEventExport = get_tap_test_class(
    TapEventExport,
    config={
        "croct_api_key": CROCT_KEY,
        "croct_api_url": SANDBOX.url,
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    },
    parse_env_config=False,
)
