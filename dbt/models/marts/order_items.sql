{{ config(materialized='view') }}
select
    orders.vendor,
    lines.source_schema,
    lines.line_key as item_key,
    lines.order_key,
    orders.ordered_at,
    orders.business_date,
    orders.user_id,
    orders.currency,
    lines.product_id,
    lines.product,
    lines.category,
    lines.price,
    lines.quantity,
    lines.discount,
    lines.total
from {{ ref('int_order_lines') }} as lines
join {{ ref('orders') }} as orders
    on orders.stream = lines.stream
    and orders.source_schema = lines.source_schema
    and orders.order_key = lines.order_key
    and orders.newest_event_id = lines.event_id
where lines.has_item
