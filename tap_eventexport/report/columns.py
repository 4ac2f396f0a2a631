"""The columns that a stream's events are counted by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one stream."""

    stream: str
    key: str
    time: str
    happened: str | None = None  # where the vendor tells this, and `time` is that of the arrival


STREAMS = (
    Columns("dfinery_events", "df_event_detail_log_id", "df_server_datetime", "df_event_datetime"),
    Columns("happytalk_service_history", "id", "request_date"),
    Columns("happytalk_siem_events", "event_key", "event_time"),
    Columns("croct_events", "id", "timestamp"),
    Columns("infobip_events", "event_key", "timestamp"),
    Columns("ncp_apigateway_events", "event_key", "time"),
)
