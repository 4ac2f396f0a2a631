select
    {{ tap_eventexport.vendor_of('stream') }} as vendor,
    source_schema,
    order_key,
    max(order_id) as order_id,
    min(ordered_at) as ordered_at,
    {{ tap_eventexport.business_date('min(ordered_at)') }} as business_date,
    max(changed_at) as changed_at,
    max(times_told) as times_told,
    max(user_id) as user_id,
    max(session_id) as session_id,
    max(status) as status,
    max(currency) as currency,
    max(order_total) as total,
    max(order_discount) as discount,
    max(delivery) as delivery,
    max(payment_method) as payment_method,
    max(coupon) as coupon,
    sum(case when has_item then 1 else 0 end) as items,
    sum(quantity) as quantity
from {{ ref('int_newest_order_lines') }}
group by stream, source_schema, order_key
