"""The command `tap-eventexport-sandbox`: the vendors on loopback, until it is ended."""

from __future__ import annotations

import argparse
import signal
import threading

from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox, Vendor
from tap_eventexport.sandbox.store import Store

EPILOG = """
then, in another terminal:

  export TAP_EVENTEXPORT_DFINERY_API_TOKEN=sandbox-dfinery-token
  export TAP_EVENTEXPORT_DFINERY_SERVICE_ID=sandbox
  export TAP_EVENTEXPORT_DFINERY_API_URL=%(url)s
  export TAP_EVENTEXPORT_HAPPYTALK_TOKEN=sandbox-happytalk-token
  export TAP_EVENTEXPORT_HAPPYTALK_API_URL=%(url)s
  export TAP_EVENTEXPORT_CROCT_API_KEY=sandbox-croct-key
  export TAP_EVENTEXPORT_CROCT_API_URL=%(url)s
  export TAP_EVENTEXPORT_INFOBIP_API_KEY=sandbox-infobip-key
  export TAP_EVENTEXPORT_INFOBIP_API_URL=%(url)s
  export TAP_EVENTEXPORT_INFOBIP_EXPORT_ROLE_ARN=arn:aws:iam::000000000000:role/infobip-export
  export TAP_EVENTEXPORT_INFOBIP_S3_BUCKET=%(infobip_s3_bucket)s
  export TAP_EVENTEXPORT_INFOBIP_S3_REGION=%(infobip_s3_region)s
  export TAP_EVENTEXPORT_AWS_ENDPOINT_URL=%(aws_endpoint_url)s
  export TAP_EVENTEXPORT_AWS_ACCESS_KEY_ID=%(aws_access_key_id)s
  export TAP_EVENTEXPORT_AWS_SECRET_ACCESS_KEY=%(aws_secret_access_key)s
  export TAP_EVENTEXPORT_NCP_ACCESS_KEY=sandbox-ncp-access-key
  export TAP_EVENTEXPORT_NCP_SECRET_KEY=sandbox-ncp-secret-key
  export TAP_EVENTEXPORT_NCP_API_URL=%(url)s
  tap-eventexport --config=ENV
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


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="tap-eventexport-sandbox",
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
        print(f"The vendors answer at {sandbox.url}", flush=True)  # noqa: T201
        print(EPILOG % {"url": sandbox.url, **store.settings}, flush=True)  # noqa: T201
        ended.wait()
