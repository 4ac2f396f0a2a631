"""All five vendors on loopback, with one history that every run must tell the same of."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import SESSIONS, USERS
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.dfinery_profiles import DfineryProfiles
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.infobip_definitions import InfobipDefinitions
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox
from tests.singer import HURRIED, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from tap_eventexport.sandbox.server import Vendor
    from tap_eventexport.sandbox.store import Store
    from tests.singer import Heard

START = datetime(2026, 3, 16, 15, tzinfo=UTC)  # a midnight in Seoul
LENGTH = timedelta(days=2)
AFTERWARDS = timedelta(days=1, hours=12, minutes=4, seconds=5)  # from the end until now
BEFORE = timedelta(days=16)  # from the first event to the start
PER_DAY = 60

KEYS = {
    "dfinery_events": "df_event_detail_log_id",
    "dfinery_user_profiles": "df_unified_id",
    "happytalk_service_history": "id",
    "happytalk_siem_events": "event_key",
    "croct_events": "id",
    "croct_sessions": "sessionId",
    "croct_users": "userId",
    "infobip_events": "event_key",
    "infobip_event_definitions": "definitionId",
    "ncp_apigateway_events": "event_key",
}
TIMES = {  # the replication keys, but of personal data
    "dfinery_events": "df_server_datetime",
    "happytalk_service_history": "request_date",
    "happytalk_siem_events": "event_time",
    "croct_events": "timestamp",
    "croct_sessions": "closeTime",
    "infobip_events": "timestamp",
    "ncp_apigateway_events": "time",
}
PERSONAL = {"croct_users", "dfinery_user_profiles"}  # which aren't selected by default
TABLES = {"dfinery_user_profiles", "infobip_event_definitions"}  # which have no time
STREAMS = {  # of each endpoint, whose name begins with the vendor's
    "dfinery": ["dfinery_events"],
    "dfinery_profiles": ["dfinery_user_profiles"],
    "happytalk": ["happytalk_service_history", "happytalk_siem_events"],
    "croct": ["croct_events"],
    "croct_sessions": ["croct_sessions"],
    "croct_users": ["croct_users"],
    "infobip": ["infobip_events"],
    "infobip_definitions": ["infobip_event_definitions"],
    "ncp": ["ncp_apigateway_events"],
}
TESTED = [name for name in STREAMS if PERSONAL.isdisjoint(STREAMS[name])]  # by --test
VENDORS = list(dict.fromkeys(name.partition("_")[0] for name in STREAMS))
SECRETS = {
    "dfinery_api_token": "a-dfinery-token-of-the-trust",
    "happytalk_token": "a-happytalk-token-of-the-trust",
    "croct_api_key": "a-croct-key-of-the-trust",
    "infobip_api_key": "an-infobip-key-of-the-trust",
    "ncp_access_key": "an-ncp-access-key-of-the-trust",
    "ncp_secret_key": "an-ncp-secret-key-of-the-trust",
}

Contents = dict[str, Counter[tuple[str, str]]]


@dataclass
class World:
    """The vendors, and the settings to read them.

    Args:
        store: Where Infobip's exports go.
        directory: A directory in it for this world alone, ending in a slash.
        per_day: Events of each stream in a day.
        start: From when on the tap reads. Dfinery keeps 30 days, so the tap and all vendors are
            given a time soon after that.
        length: How long it reads.
    """

    store: Store
    directory: str
    per_day: int = PER_DAY
    start: datetime = START
    length: timedelta = LENGTH

    def __post_init__(self) -> None:
        self.end = self.start + self.length
        self.shift = self.end + AFTERWARDS - datetime.now(UTC)
        history = History(self.per_day, begin=self.start - BEFORE)
        secrets = SECRETS
        token = secrets["dfinery_api_token"]
        dfinery = Dfinery(history, self.now, token=token, quota=10**6)
        croct = Croct(history, api_key=secrets["croct_api_key"], now=self.now)
        self.vendors: dict[str, Vendor] = {
            "dfinery": dfinery,
            "dfinery_profiles": DfineryProfiles(dfinery, list(range(60))),
            "happytalk": HappyTalk(history, token=secrets["happytalk_token"], now=self.now),
            "croct": croct,
            "croct_sessions": replace(croct, kind=SESSIONS),
            "croct_users": replace(croct, kind=USERS),
            "infobip": Infobip(
                history,
                self.store.put,
                self.now,
                secrets["infobip_api_key"],
                steps=(),
                rows_per_file=20,
            ),
            "infobip_definitions": InfobipDefinitions(secrets["infobip_api_key"]),
            "ncp": Ncp(
                history,
                access_key=secrets["ncp_access_key"],
                secret_key=secrets["ncp_secret_key"],
                now=self.now,
            ),
        }
        self.sandbox = Sandbox([*self.vendors.values()], now=self.now)

    def now(self) -> datetime:
        """The time of this world."""
        return datetime.now(UTC) + self.shift

    @contextmanager
    def running(self) -> Iterator[Self]:
        """This world while it answers."""
        with self.sandbox:
            yield self

    def recover(self) -> None:
        """Nothing goes wrong any more, and Infobip's exports that nobody asked after have ended."""
        self.sandbox.faults.clear()
        infobip = self.vendors["infobip"]
        if isinstance(infobip, Infobip):
            infobip.end_all()

    def settings(self) -> dict[str, Any]:
        """What the tap needs to read all vendors, a few records at a time."""
        return {
            **SECRETS,
            **self.store.settings,
            **{f"{name}_api_url": self.sandbox.url for name in VENDORS},
            "dfinery_service_id": "sandbox",
            "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
            "infobip_s3_directory": self.directory,
            "croct_page_size": 20,
            "ncp_page_size": 20,
            "start_date": self.start.isoformat(),
            "end_date": self.end.isoformat(),
            "lookback_minutes": 0,
        }

    def tap(self, folder: Path, lead: timedelta = timedelta(0), **settings: Any) -> Tap:
        """The command over all vendors, with short pauses, its clock ahead of theirs or not."""
        chosen = {**self.settings(), **settings}
        shift = (self.shift + lead).total_seconds()
        return Tap(folder, shift, HURRIED, beside=PERSONAL, **chosen)

    def truth(
        self, stream: str, start: datetime | None = None, end: datetime | None = None
    ) -> Counter[str]:
        """What a stream's records must say, in the words of the vendor."""
        bounds = (start or self.start, end or self.end)
        told = [vendor.truth(stream, *bounds) for vendor in self.vendors.values()]
        (keys,) = [keys for keys in told if keys is not None]
        return Counter(keys)


def only(*names: str) -> dict[str, Any]:
    """Settings that leave out all vendors but these."""
    required = {
        "dfinery": ["dfinery_api_token", "dfinery_service_id", "dfinery_api_url"],
        "happytalk": ["happytalk_token", "happytalk_api_url"],
        "croct": ["croct_api_key", "croct_api_url"],
        "infobip": [
            "infobip_api_key",
            "infobip_api_url",
            "infobip_export_role_arn",
            "infobip_s3_bucket",
            "infobip_s3_region",
        ],
        "ncp": ["ncp_access_key", "ncp_secret_key", "ncp_api_url"],
    }
    return dict.fromkeys(setting for name in required.keys() - names for setting in required[name])


def streams_of(vendor: str) -> set[str]:
    """The streams of all of a vendor's endpoints."""
    return {stream for name in STREAMS if name.startswith(vendor) for stream in STREAMS[name]}


def said(stream: str, heard: Heard) -> Counter[str]:
    """What a stream's records say, as `World.truth` does."""
    return Counter(_said(stream, record) for record in heard.records.get(stream, []))


def _said(stream: str, record: dict[str, Any]) -> str:
    match stream:
        case "happytalk_siem_events":
            return str(record["raw"])
        case "ncp_apigateway_events":
            return "|".join(record[name] for name in ("time", "level", "type", "message"))
        case "infobip_events":
            return json.dumps(_content(record, {"event_key", "_file"}), sort_keys=True)
        case _:
            return str(record[KEYS[stream]])


def contents(heard: Heard) -> Contents:
    """Key and content of every record; where a file was is no part of it."""
    return {
        stream: Counter(
            (record[KEYS[stream]], json.dumps(_content(record, {"_file"}), sort_keys=True))
            for record in records
        )
        for stream, records in heard.records.items()
    }


def _content(record: dict[str, Any], without: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in without}
