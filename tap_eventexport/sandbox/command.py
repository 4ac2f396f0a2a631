"""The command `tap-eventexport-sandbox`: the vendors on loopback, until it is ended."""

from __future__ import annotations

import argparse
import signal
import threading

from tap_eventexport.console import standard_streams, teller
from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox, Vendor
from tap_eventexport.sandbox.store import Store

NAME = "tap-eventexport-sandbox"
EPILOG = """
then, in another terminal:

%s  tap-eventexport --config=ENV
"""


def vendors(history: History | Chapters, store: Store) -> list[Vendor]:
    """All vendors, with one history."""
    return [
        Dfinery(history),
        HappyTalk(history),
        Croct(history),
        Infobip(history, store.put, steps=()),
        Ncp(history),
    ]


def settings(url: str, store: Store) -> dict[str, str]:
    """The tap's settings for reading all vendors.

    Args:
        url: Where they answer.
        store: Where Infobip's exports go.
    """
    return {
        "dfinery_api_token": "sandbox-dfinery-token",
        "dfinery_service_id": "sandbox",
        "dfinery_api_url": url,
        "happytalk_token": "sandbox-happytalk-token",
        "happytalk_api_url": url,
        "croct_api_key": "sandbox-croct-key",
        "croct_api_url": url,
        "infobip_api_key": "sandbox-infobip-key",
        "infobip_api_url": url,
        "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
        **store.settings,
        "ncp_access_key": "sandbox-ncp-access-key",
        "ncp_secret_key": "sandbox-ncp-secret-key",
        "ncp_api_url": url,
    }


@standard_streams(teller(NAME))
def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Serves the vendors' APIs on loopback, with an invented history of events "
        "that grows with the clock.",
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument(
        "--per-day", type=int, default=20_000, help="events of each stream in a day"
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds each answer takes")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with (
        Store() as store,
        Sandbox(
            vendors(History(options.per_day), store), port=options.port, latency=options.latency
        ) as sandbox,
    ):
        exports = "".join(
            f"  export TAP_EVENTEXPORT_{name.upper()}={value}\n"
            for name, value in settings(sandbox.url, store).items()
        )
        print(f"The vendors answer at {sandbox.url}", flush=True)  # noqa: T201
        print(EPILOG % exports, flush=True)  # noqa: T201
        ended.wait()
