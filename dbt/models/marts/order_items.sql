select
    {{ tap_eventexport.vendor_of('stream') }} as vendor,
    source_schema,
    order_key,
    line_key,
    ordered_at,
    {{ tap_eventexport.business_date('ordered_at') }} as business_date,
    user_id,
    currency,
    product_id,
    product,
    category,
    price,
    quantity,
    discount,
    total
from {{ ref('int_newest_order_lines') }}
where has_item
