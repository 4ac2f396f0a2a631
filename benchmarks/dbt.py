"""Builds the marts of many events in DuckDB, then again after an hour's load.

The tables are made by SQL, as target-eventexport makes them: of a hundred rows, 55 are Croct's
events and 11 its sessions, 20 Dfinery's events, 10 Infobip's, 3 and a bit HappyTalk's in its two
forms, and some of Naver Cloud's. An hour's load brings what happened in an hour, events that are
up to a day late, and changes of what is there. Seconds of CPU are those of dbt with DuckDB in it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
DBT = ROOT / ".venv-dbt/bin/dbt"
DAYS = 90
MOST_SECONDS, MOST_OF_IT = 60.0, 0.1  # of a whole build; of it, for the next
VARIABLES = "{tap_eventexport_upserted: true, tap_eventexport_timezone: Asia/Seoul}"

TABLES = """
create schema events;
create table events.croct_events (
    id varchar, "timestamp" timestamptz, "eventType" varchar, "sessionId" varchar,
    "userId" varchar, context json, payload json, "applicationSlug" varchar
);
create table events.croct_sessions (
    "sessionId" varchar, "closeTime" timestamptz, "userId" varchar, "externalUserId" varchar,
    "window" json, referrer varchar, "landingPageUrl" varchar, campaign json, location json,
    client json, statistics json
);
create table events.dfinery_events (
    df_event_detail_log_id varchar, df_event_log_id varchar, df_event_name varchar,
    df_event_datetime timestamptz, df_server_datetime timestamptz, df_unified_id varchar,
    df_order_id varchar, df_total_purchase_amount double, df_items_df_item_name varchar,
    df_items_df_price double, df_items_df_quantity double
);
create table events.infobip_events (
    event_key varchar, "definitionId" varchar, "personId" varchar, "externalPersonId" varchar,
    "timestamp" timestamptz, properties json, _extra json
);
create table events.infobip_event_definitions as
select unnest(['pageView', 'smsDelivered', 'smsSeen', 'purchase']) as "definitionId", 'A' as title;
create table events.happytalk_service_history (
    id varchar, type varchar, kind varchar, request_user varchar, request_content varchar,
    request_date timestamptz, apply_id varchar, apply_content varchar, apply_date timestamptz
);
create table events.happytalk_siem_events (
    event_key varchar, event_time timestamptz, event_name varchar, result varchar, "user" varchar,
    clientip varchar, msg varchar, raw varchar
);
create table events.ncp_apigateway_events (
    event_key varchar, "time" timestamptz, level varchar, type varchar, message varchar
);
"""

# Rows of numbers [first, last) of a hundred numbers each; {at} is when a number happens.
ROWS = {
    "croct_events": (
        55,
        """select
            printf('924f6c8f-3b5b-47ea-b483-%012x', n), {at},
            ['pageOpened', 'pageLoaded', 'productViewed', 'cartModified', 'orderPlaced',
             'userSignedIn', 'goalCompleted', 'eventOccurred', 'userSignedUp', 'userSignedOut',
             'tabOpened', 'tabUrlChanged', 'tabVisibilityChanged', 'locationDetected',
             'clientDetected', 'productAbandoned', 'cartAbandoned', 'cartViewed',
             'checkoutStarted', 'nothingChanged', 'slotPersonalized', 'leadGenerated',
             'audienceMatched', 'userClicked', 'userScrolled'][n % 25 + 1],
            printf('7c1d1b1a-0000-4000-8000-%012x', n // 5),
            printf('1f0a2b3c-0000-4000-8000-%012x', n // 20),
            '{{"type":"web","tabId":"' || printf('%032x', n // 5)
                || '","url":"https://www.example.com/p/' || n % 200 || '"}}',
            case when n % 25 = 4 then
                '{{"@type":"orderPlaced","order":{{"orderId":"' || printf('%012x', n // 50)
                || '","status":"PAID","currency":"KRW","total":' || n % 1000 || '.5,"items":['
                || '{{"index":0,"quantity":2,"total":10.5,"product":{{"productId":"' || n % 1000
                || '","name":"Teapot","category":"kitchen","displayPrice":5.25}}}},'
                || '{{"index":1,"quantity":1,"total":3.5,"product":{{"productId":"7","name":"Tea",'
                || '"category":"kitchen","displayPrice":3.5}}}}]}}}}'
            else
                '{{"@type":"pageLoaded","url":"https://www.example.com/p/' || n % 200
                || '","title":"' || repeat('x', 120) || '","lastModifiedTime":' || n || '}}'
            end,
            'store'""",
    ),
    "croct_sessions": (
        11,
        """select
            printf('7c1d1b1a-0000-4000-8000-%012x', n), {at} + interval 30 minutes,
            printf('1f0a2b3c-0000-4000-8000-%012x', n // 4), null,
            '{{"start":"' || strftime({at} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') || '","end":"'
                || strftime({at} at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') || '"}}',
            null, 'https://www.example.com/', '{{"name":"Spring","source":"newsletter"}}',
            '{{"country":"KR","city":"Seoul"}}',
            '{{"browser":{{"name":"Chrome"}},"device":{{"category":"MOBILE"}}}}',
            '{{"pageViews":3,"orders":0}}'""",
    ),
    "dfinery_events": (
        20,
        """select
            n || ':d', (n // 2) || ':d',
            ['df_start_session', 'df_login', 'df_purchase', 'df_end_session'][n // 2 % 4 + 1],
            {at} - (n % 7200) * interval 1 second, {at}, 'U' || n % 100000,
            case when n // 2 % 4 = 2 then 'O' || n // 2 end,
            case when n // 2 % 4 = 2 then 12900 end,
            case when n // 2 % 4 = 2 then 'Tea' end,
            case when n // 2 % 4 = 2 then 6450 end,
            case when n // 2 % 4 = 2 then 1 end""",
    ),
    "infobip_events": (
        10,
        """select
            printf('%064x', n), ['pageView', 'smsDelivered', 'smsSeen', 'purchase'][n % 4 + 1],
            'P' || n * 7 % 200000, null, {at},
            '{{"url":"/p/' || n % 100 || '","price":9900,"tags":[{{"deep":true}}]}}',
            case when n % 4 in (1, 2) then '{{"campaignName":"Campaign ' || n // 50000
                || '","campaignStart":"2026-01-01","elementName":"First SMS"}}' end""",
    ),
    "happytalk_service_history": (
        2,
        """select
            n::varchar, 'A', 'S', 'user' || n % 50, case when n % 5 = 1
                then '[WEB] log-in. IP - 192.168.1.' || n % 200 else 'changed ' || n end,
            date_trunc('second', {at}), '1',
            case when n % 5 = 1 then '로그인' else '성공' end, null""",
    ),
    "happytalk_siem_events": (
        2,
        """select
            printf('%064x', n), date_trunc('second', {at}), 'ManagerEdit', 'Succeeded',
            'user' || n % 50, '127.0.0.1', 'changed ' || n, 'raw'""",
    ),
    "ncp_apigateway_events": (
        1,
        """select
            printf('%064x', n), date_trunc('second', {at}), 'ALERT', 'EU410',
            '[api-' || n % 9 || '***] exceeded'""",
    ),
}
BEGIN = "timestamptz '2026-03-01 00:00:00+00'"
# Events that come a day late, with new keys; and rows that are there, changed.
LATE = """
insert into events.croct_events
select * replace ('late-' || id as id)
from events.croct_events
where "timestamp" > (select max("timestamp") from events.croct_events) - interval 1 day
using sample reservoir({late} rows) repeatable (1);
update events.croct_sessions set "closeTime" = "closeTime" + interval 5 minutes
where "closeTime" > (select max("closeTime") from events.croct_sessions) - interval 6 hours;
"""


@dataclass(frozen=True, slots=True)
class Took:
    """What one command of dbt took."""

    seconds: float
    computed: float  # seconds of CPU


def fill(database: Path, first: int, last: int, hundreds: int) -> None:
    """Insert what happens between two of so many moments of all days."""
    with duckdb.connect(str(database)) as connection:
        if first == 0:
            connection.execute(TABLES)
        for stream, (share, query) in ROWS.items():
            at = f"({BEGIN} + n * (interval {DAYS} days / {hundreds * share}))"
            rows = f"range({first * share}, {last * share}) as numbers (n)"
            connection.execute(f"insert into events.{stream} {query.format(at=at)} from {rows}")


def load_late(database: Path, late: int) -> None:
    """Insert late events, and change sessions."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(LATE.format(late=late))


def dbt(folder: Path, database: Path, *arguments: str) -> Took:
    """Run a command of dbt, which must succeed."""
    own = {
        "TARGET_EVENTEXPORT_DESTINATION": f"duckdb:///{database}",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    package = str(ROOT / "dbt")
    places = ["--project-dir", package, "--profiles-dir", package, "--vars", VARIABLES]
    began = time.perf_counter()
    with (folder / "printed").open("w") as printed:
        process = subprocess.Popen(
            [DBT, *arguments, *places], stdout=printed, stderr=printed, env={**os.environ, **own}
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((folder / "printed").read_text()[-4000:])
    return Took(time.perf_counter() - began, used.ru_utime + used.ru_stime)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks/dbt", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    hundreds = options.events // 100
    hour = -(-hundreds // (DAYS * 24))
    console = Console(stderr=True)
    table = Table("dbt", "seconds", "CPU seconds")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = folder / "warehouse.duckdb"
        fill(database, 0, hundreds, hundreds)
        console.print(f"{database.stat().st_size / 2**30:.1f} GiB are loaded")
        whole = dbt(folder, database, "run")
        fill(database, hundreds, hundreds + hour, hundreds)
        load_late(database, hour)
        again = dbt(folder, database, "run")
        tested = dbt(folder, database, "test")
    for what, took in (
        (f"run, of {hundreds * 100:,} events", whole),
        (f"run, after {hour * 100:,} more", again),
        ("test", tested),
    ):
        table.add_row(what, f"{took.seconds:.1f}", f"{took.computed:.1f}")
    Console().print(table)
    if whole.seconds > MOST_SECONDS or again.seconds > MOST_SECONDS * MOST_OF_IT:
        sys.exit("It takes too long.")


if __name__ == "__main__":
    main()
