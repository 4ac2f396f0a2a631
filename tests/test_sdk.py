"""The SDK's own tests of a tap, against the sandbox; and what of the SDK is private."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

import tap_eventexport
from tap_eventexport.engine.singer.sdk import PRIVATE
from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import SESSIONS, USERS
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.infobip_definitions import InfobipDefinitions
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Request, Response, Sandbox, json_response
from tap_eventexport.sandbox.store import REGION, Store
from tap_eventexport.tap import TapEventExport
from tests.conftest import CROCT_KEY, END, HAPPYTALK_TOKEN, NCP_KEYS, START
from tests.relay import Edited

if TYPE_CHECKING:
    from collections.abc import Iterator

DFINERY_TOKEN = "a-dfinery-token-of-the-tests"  # noqa: S105
SOURCES = Path(tap_eventexport.__file__).parent


def with_another_field(response: Response, _: Request) -> Response:
    """An answer whose events have a field that no documentation knows: one for `_extra`."""
    body = json.loads(response.body)
    events = body if isinstance(body, list) else body.get("items")
    for event in body["events"]["content"] if events is None else events:
        event["region"] = "KR"
    return json_response(response.status, body)


HISTORY = History(20)
CROCT = Croct(HISTORY, api_key=CROCT_KEY)
STORE = Store()
SANDBOX = Sandbox(
    [
        Dfinery(HISTORY, token=DFINERY_TOKEN),
        HappyTalk(HISTORY, token=HAPPYTALK_TOKEN),
        Edited(CROCT, with_another_field),
        Edited(replace(CROCT, kind=SESSIONS), with_another_field),
        Edited(replace(CROCT, kind=USERS), with_another_field),
        Infobip(HISTORY, STORE.put, steps=(), row_form="mixed"),
        Edited(InfobipDefinitions(), with_another_field),
        Edited(Ncp(HISTORY, access_key=NCP_KEYS[0], secret_key=NCP_KEYS[1]), with_another_field),
    ]
)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [(kind, *item) for kind, names in PRIVATE.items() for item in names.items()],
)
def test_the_sdk_still_has_the_private_names_that_are_used(
    kind: type, name: str, reason: str
) -> None:
    made = {name for base in kind.__mro__ for name in _made_by(base)}
    assert name in made, (
        f"singer-sdk {version('singer-sdk')} has no {kind.__name__}.{name}, which is used since "
        f"{reason}: see tap_eventexport/engine/singer/sdk.py"
    )


def test_no_other_file_uses_a_private_name_of_the_sdk() -> None:
    names = "|".join(sorted({name for names in PRIVATE.values() for name in names} - {"_config"}))
    used = re.compile(rf"from singer_sdk.*\b_\w|\w\.({names})\b")
    found = {
        f"{path.relative_to(SOURCES)}: {line.strip()}"
        for path in SOURCES.rglob("*.py")
        if path.name != "sdk.py"
        for line in path.read_text().splitlines()
        if used.search(line)
    }
    assert not found


def _made_by(kind: type) -> set[str]:
    """The names that a class has, and those that its objects are given as they are made."""
    code = getattr(vars(kind).get("__init__"), "__code__", None)
    return {*vars(kind), *(code.co_names if code else ())}


@pytest.fixture(scope="module", autouse=True)
def served() -> Iterator[None]:
    with STORE, SANDBOX, pytest.MonkeyPatch.context() as environment:
        for name, key in STORE.reader.items():
            environment.setenv(name.upper(), key)
        yield


TestDfinery = get_tap_test_class(  # which keeps 30 days from today
    TapEventExport,
    config={
        "dfinery_api_token": DFINERY_TOKEN,
        "dfinery_service_id": "sandbox",
        "dfinery_api_url": SANDBOX.url,
        "start_date": (datetime.now(UTC) - timedelta(days=3)).isoformat(),
        "dfinery_property_types": {"visits": "integer", "is_member": "boolean", "tags": "array"},
    },
    include_stream_tests=False,  # they know only the columns that were there before a run
    suite_config=SuiteConfig(ignore_no_records=True),  # some columns are always empty
    parse_env_config=False,
)

TestTapEventExport = get_tap_test_class(
    TapEventExport,
    config={
        "happytalk_token": HAPPYTALK_TOKEN,
        "happytalk_api_url": SANDBOX.url,
        "infobip_api_key": "sandbox-infobip-key",
        "infobip_api_url": SANDBOX.url,
        "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
        "infobip_s3_bucket": STORE.bucket,
        "infobip_s3_region": REGION,
        "aws_endpoint_url": STORE.url,
        "ncp_access_key": NCP_KEYS[0],
        "ncp_secret_key": NCP_KEYS[1],
        "ncp_api_url": SANDBOX.url,
        "croct_api_key": CROCT_KEY,
        "croct_api_url": SANDBOX.url,
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    },
    suite_config=SuiteConfig(ignore_no_records_for_streams=["croct_users"]),  # not selected
    parse_env_config=False,
)
