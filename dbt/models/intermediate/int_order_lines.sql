{{ config(
    materialized='incremental',
    unique_key=['stream', 'source_schema', 'line_key'],
    pre_hook="{{ tap_eventexport.forget_read_again(['croct_events', 'dfinery_events']) }}",
) }}
{%- set number = tap_eventexport.type_of('number') %}
{%- set text = tap_eventexport.type_of('text') %}
with placed as (
    select source_schema, id, session_id, user_id, timestamp, payload
    from {{ ref('stg_croct__events') }}
    where event_type = 'orderPlaced' and {{ tap_eventexport.is_read('timestamp', condition="stream = 'croct_events'") }}
),
placed_items as (
    select placed.source_schema, placed.id, items.index, items.value
    from placed
    {{ tap_eventexport.json_items('placed.payload', 'order.items', 'items') }}
),
bought as (
    select *
    from {{ ref('stg_dfinery__events') }}
    where
        df_event_name = 'df_purchase'
        and {{ tap_eventexport.is_read('df_server_datetime', condition="stream = 'dfinery_events'") }}
)
select
    'croct_events' as stream,
    placed.source_schema,
    placed.id || ':' || cast(coalesce(item.index, 0) as {{ text }}) as line_key,
    placed.id as event_id,
    placed.timestamp as happened_at,
    coalesce({{ tap_eventexport.json_text('placed.payload', 'order.orderId') }}, placed.id) as order_key,
    {{ tap_eventexport.json_text('placed.payload', 'order.orderId') }} as order_id,
    placed.user_id,
    placed.session_id,
    {{ tap_eventexport.json_text('placed.payload', 'order.status') }} as status,
    {{ tap_eventexport.json_text('placed.payload', 'order.currency') }} as currency,
    cast({{ tap_eventexport.json_number('placed.payload', 'order.total') }} as {{ number }}) as order_total,
    cast({{ tap_eventexport.json_number('placed.payload', 'order.discount') }} as {{ number }}) as order_discount,
    cast({{ tap_eventexport.json_number('placed.payload', 'order.shippingPrice') }} as {{ number }}) as delivery,
    {{ tap_eventexport.json_text('placed.payload', 'order.paymentMethod') }} as payment_method,
    {{ tap_eventexport.json_text('placed.payload', 'order.coupon') }} as coupon,
    item.index is not null as has_item,
    {{ tap_eventexport.json_text('item.value', 'product.productId') }} as product_id,
    {{ tap_eventexport.json_text('item.value', 'product.name') }} as product,
    {{ tap_eventexport.json_text('item.value', 'product.category') }} as category,
    cast({{ tap_eventexport.json_number('item.value', 'product.displayPrice') }} as {{ number }}) as price,
    cast({{ tap_eventexport.json_number('item.value', 'quantity') }} as {{ number }}) as quantity,
    cast({{ tap_eventexport.json_number('item.value', 'discount') }} as {{ number }}) as discount,
    cast({{ tap_eventexport.json_number('item.value', 'total') }} as {{ number }}) as total,
    {{ tap_eventexport.utc_date('placed.timestamp') }} as replicated_on,
    {{ tap_eventexport.built_on() }} as built_on
from placed
left join placed_items as item on item.source_schema = placed.source_schema and item.id = placed.id
union all
select
    'dfinery_events',
    source_schema,
    df_event_detail_log_id,
    coalesce(df_event_log_id, df_event_detail_log_id),
    coalesce(df_event_datetime, df_correction_datetime, df_server_datetime),
    coalesce(df_order_id, df_event_log_id, df_event_detail_log_id),
    df_order_id,
    df_unified_id,
    null,
    null,
    null,
    df_total_purchase_amount,
    df_discount,
    df_delivery_charge,
    df_payment_method,
    null,
    coalesce(df_items_df_item_id, df_items_df_item_name) is not null or df_items_df_price is not null,
    df_items_df_item_id,
    df_items_df_item_name,
    df_items_df_category1,
    df_items_df_price,
    df_items_df_quantity,
    df_items_df_discount,
    df_items_df_price * df_items_df_quantity,
    {{ tap_eventexport.utc_date('df_server_datetime') }},
    {{ tap_eventexport.built_on() }}
from bought
