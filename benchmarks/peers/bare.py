"""The peer: a loop of requests and orjson, with no schema, no state and no retries.

bare.py URL START END, in milliseconds since 1970.
"""

from __future__ import annotations

import sys

import orjson
import requests

url, start, end = sys.argv[1:4]
session = requests.Session()
cursor = None
out = sys.stdout.buffer
while True:
    query = {"start": start, "end": end, "pageSize": 1000, "cursor": cursor}
    answer = session.get(f"{url}/export/events", params=query, timeout=300)
    page = orjson.loads(answer.content)
    for item in page["items"]:
        message = {"type": "RECORD", "stream": "croct_events", "record": item}
        out.write(orjson.dumps(message))
        out.write(b"\n")
    cursor = page["nextCursor"]
    if not cursor:
        break
