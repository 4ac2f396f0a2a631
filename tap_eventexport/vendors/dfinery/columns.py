"""The columns that Dfinery documents: their types, and what they mean.

https://docs.dfinery.ai/api-guide/api/export-api/response
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from tap_eventexport.engine.bodies.values import SCHEMAS

KEY, ARRIVAL, NAME = "df_event_detail_log_id", "df_server_datetime", "df_event_name"

TYPES = {
    "df_unified_id": "string",
    "df_api_version": "string",
    NAME: "string",
    ARRIVAL: "date-time",
    "df_correction_datetime": "date-time",
    "df_event_datetime": "date-time",
    "df_event_log_id": "string",
    KEY: "string",
    "df_service_id": "string",
    "df_source_type": "string",
    "df_order_id": "string",
    "df_payment_method": "string",
    "df_sharing_channel": "string",
    "df_sign_channel": "string",
    "df_keyword": "string",
    "df_total_purchase_amount": "number",
    "df_total_refund_amount": "number",
    "df_delivery_charge": "number",
    "df_discount": "number",
    "df_items_df_item_id": "string",
    "df_items_df_item_name": "string",
    **{f"df_items_df_category{number}": "string" for number in range(1, 6)},
    "df_items_df_price": "number",
    "df_items_df_quantity": "number",
    "df_items_df_discount": "number",
}

PROFILE_KEY = "df_unified_id"
PROFILE_TYPES = {
    PROFILE_KEY: "string",
    "df_name": "string",
    "df_gender": "string",
    "df_birth": "string",  # in which form isn't documented
    "df_membership": "string",
    "df_sms_ads_optin": "boolean",
    "df_kakao_ads_optin": "boolean",
    "df_push_ads_optin": "boolean",
    "df_push_night_ads_optin": "boolean",
}

MEANINGS = {
    "df_unified_id": "Dfinery's id of the user",
    "df_api_version": "version of the API that took the event in",
    NAME: "the kind of event; those of Dfinery begin with df_",
    ARRIVAL: "when it arrived at the server",
    "df_correction_datetime": "when it happened, in the documentation's table of columns",
    "df_event_datetime": "when it happened, in the documentation's example",
    "df_event_log_id": "of the event; the items of a purchase share it",
    KEY: "of the row: the event's, with a number for each item of a purchase",
    "df_service_id": "the service",
    "df_source_type": "how it was sent in, such as SDK",
    "df_order_id": "the order",
    "df_payment_method": "how the order was paid",
    "df_sharing_channel": "where something was shared",
    "df_sign_channel": "how the user signed up or in",
    "df_keyword": "what was searched for",
    "df_total_purchase_amount": "what the order costs; each of its items has it",
    "df_total_refund_amount": "what is paid back of the order",
    "df_delivery_charge": "what delivery of the order costs",
    "df_discount": "discount",
    "df_items_df_item_id": "the item",
    "df_items_df_item_name": "name of the item",
    **{
        f"df_items_df_category{number}": f"category of the item, level {number}"
        for number in range(1, 6)
    },
    "df_items_df_price": "price of the item",
    "df_items_df_quantity": "how many of the item",
    "df_items_df_discount": "discount of the item",
    "df_name": "name of the user",
    "df_gender": "gender of the user",
    "df_birth": "day of birth, as the service has sent it in",
    "df_membership": "grade of the user's membership",
    "df_sms_ads_optin": "whether the user takes advertisements by SMS",
    "df_kakao_ads_optin": "whether the user takes advertisements by KakaoTalk",
    "df_push_ads_optin": "whether the user takes advertisements by push message",
    "df_push_night_ads_optin": "whether the user takes them at night, too",
}


def documented(name: str, kind: str) -> th.CustomType:
    """Return the schema of a documented column.

    Args:
        name: A key of `MEANINGS`.
        kind: A key of `SCHEMAS`.
    """
    schema: dict[str, Any] = {**SCHEMAS[kind], "description": MEANINGS[name]}
    return th.CustomType(schema)
