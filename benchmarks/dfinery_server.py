"""A day of Dfinery's CSV with 47 columns, and a server that answers with it."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import copyfileobj
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    "custom_1",
    "custom_boolean",
    "custom_datetime",
    "custom_double",
    "custom_double_list",
    "custom_long",
    "custom_long_list",
    "custom_string_list",
    "df_api_version",
    "df_correction_datetime",
    "df_delivery_charge",
    "df_discount",
    "df_event_datetime",
    "df_event_detail_log_id",
    "df_event_log_id",
    "df_event_name",
    "df_items_custom_1",
    "df_items_custom_boolean",
    "df_items_custom_datetime",
    "df_items_custom_double",
    "df_items_custom_double_list",
    "df_items_custom_long",
    "df_items_custom_long_list",
    "df_items_custom_string",
    "df_items_custom_string_list",
    "df_items_df_category1",
    "df_items_df_category2",
    "df_items_df_category3",
    "df_items_df_category4",
    "df_items_df_category5",
    "df_items_df_discount",
    "df_items_df_item_id",
    "df_items_df_item_name",
    "df_items_df_price",
    "df_items_df_quantity",
    "df_keyword",
    "df_order_id",
    "df_payment_method",
    "df_server_datetime",
    "df_service_id",
    "df_sharing_channel",
    "df_sign_channel",
    "df_source_type",
    "df_total_purchase_amount",
    "df_total_refund_amount",
    "df_unified_id",
    "sum",
]


def csv_row(number: int, happened: datetime, arrived: datetime, chance: random.Random) -> list[str]:
    """A row as in the vendor's sample: most columns empty, some Korean, some items."""
    log_id = f"17361273{number:05}:1736127306623:cd20207c-bb2a-4abf-a4a9-80804334cf15"
    values = dict.fromkeys(COLUMNS, "")
    values |= {
        "custom_boolean": "FALSE",
        "custom_long_list": "null",
        "custom_string_list": "null",
        "df_api_version": "1.0.0",
        "df_correction_datetime": _time_text(happened),
        "df_event_datetime": _time_text(happened),
        "df_event_detail_log_id": f"{log_id}:{number}",
        "df_event_log_id": log_id,
        "df_event_name": "df_purchase",
        "df_items_df_item_name": "고구마 케이크",
        "df_items_df_price": f"{chance.randrange(10**6) / 100:.2f}",
        "df_items_df_quantity": "2",
        "df_server_datetime": _time_text(arrived),
        "df_service_id": "sandbox",
        "df_source_type": "SDK",
        "df_total_purchase_amount": "12900.0",
        "df_unified_id": f"U{chance.randrange(10**6)}",
    }
    return list(values.values())


def _time_text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def write_csv(path: Path, rows: int) -> None:
    """A file of a day."""
    chance = random.Random(1)  # noqa: S311
    day = datetime.now(UTC).astimezone() - timedelta(days=2)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number in range(rows):
            moment = day + timedelta(milliseconds=number)
            file.write(",".join(csv_row(number, moment, moment, chance)) + "\n")


def serve(path: Path) -> ThreadingHTTPServer:
    """Answer every request with the file."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            with path.open("rb") as file, suppress(ConnectionError):
                copyfileobj(file, self.wfile, 1 << 20)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
