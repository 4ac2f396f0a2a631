{#- An order that is told of again, as one that was paid meanwhile, is what its newest event says. -#}
with lines as (
    select *, coalesce(order_id, event_id) as order_key
    from {{ ref('int_order_lines') }}
),
orders as (
    select
        stream,
        source_schema,
        order_key,
        min(happened_at) as ordered_at,
        max(happened_at) as changed_at,
        count(distinct event_id) as times_told
    from lines
    group by stream, source_schema, order_key
),
newest as (
    select
        lines.*,
        first_value(event_id) over (
            partition by stream, source_schema, order_key order by happened_at desc, event_id desc
        ) as newest_event_id
    from lines
)
select newest.*, orders.ordered_at, orders.changed_at, orders.times_told
from newest
join orders
    on orders.stream = newest.stream
    and orders.source_schema = newest.source_schema
    and orders.order_key = newest.order_key
where newest.event_id = newest.newest_event_id
