{#-
    An order is what its newest event says: it may be told of again, as when it is paid. It is built
    again from all of its events if any of them is of the days that are read again, or was. One that
    has lost all is a row of nothing first, which takes the place of the old one, and is then deleted.
-#}
{{ config(
    materialized='incremental',
    unique_key=['stream', 'source_schema', 'order_key'],
    post_hook="delete from {{ this }} where newest_event_id is null",
) }}
with touched as (
    select distinct stream, source_schema, order_key
    from (
        {%- for is_of in ["stream = 'croct_events'", "stream = 'dfinery_events'"] %}
        select stream, source_schema, order_key
        from {{ ref('int_order_lines') }}
        where {{ is_of }} and {{ tap_eventexport.is_read('replicated_on', 'replicated_on', is_of, 'date') }}
        {%- if tap_eventexport.goes_on() %}
        union all
        select stream, source_schema, order_key
        from {{ tap_eventexport.before() }}
        where {{ tap_eventexport.is_read_again('replicated_on', is_of) }}
        {%- endif %}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as found
),
events as (
    select
        stream,
        source_schema,
        order_key,
        event_id,
        min(happened_at) as happened_at,
        max(order_id) as order_id,
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
        sum(quantity) as quantity,
        max(replicated_on) as replicated_on
    from {{ ref('int_order_lines') }}
    {%- if tap_eventexport.goes_on() %}
    join touched using (stream, source_schema, order_key)
    {%- endif %}
    group by 1, 2, 3, 4
),
ranked as (
    select
        *,
        row_number() over (partition by stream, source_schema, order_key order by happened_at desc, event_id desc) as place,
        min(happened_at) over (partition by stream, source_schema, order_key) as ordered_at,
        count(*) over (partition by stream, source_schema, order_key) as times_told,
        max(replicated_on) over (partition by stream, source_schema, order_key) as newest_replicated_on
    from events
)
select
    touched.stream,
    touched.source_schema,
    touched.order_key,
    {{ tap_eventexport.vendor_of('touched.stream') }} as vendor,
    newest.order_id,
    newest.ordered_at,
    {{ tap_eventexport.business_date('newest.ordered_at') }} as business_date,
    newest.happened_at as changed_at,
    newest.times_told,
    newest.event_id as newest_event_id,
    newest.user_id,
    newest.session_id,
    newest.status,
    newest.currency,
    newest.total,
    newest.discount,
    newest.delivery,
    newest.payment_method,
    newest.coupon,
    cast(newest.items as {{ tap_eventexport.type_of('integer') }}) as items,
    newest.quantity,
    newest.newest_replicated_on as replicated_on,
    {{ tap_eventexport.built_on() }} as built_on
from touched
left join ranked as newest
    on newest.stream = touched.stream
    and newest.source_schema = touched.source_schema
    and newest.order_key = touched.order_key
    and newest.place = 1
