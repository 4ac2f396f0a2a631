{%- set whole = tap_eventexport.type_of('integer') -%}
{%- set longest = 366 -%} {#- days; on the other side of a longer gap is an event with a wrong time -#}
with days as (
    select stream, source_schema, business_date, cast(sum(events) as {{ whole }}) as events
    from {{ ref('int_counts_by_day') }}
    group by 1, 2, 3
),
gaps as (
    select
        stream,
        source_schema,
        business_date,
        lead(business_date) over (partition by stream, source_schema order by business_date) as next_date
    from days
),
numbers as (
    {{ dbt.generate_series(longest) }}
)
select stream, source_schema, business_date, events
from days
union all
select
    stream,
    source_schema,
    cast({{ dbt.dateadd('day', 'generated_number', 'business_date') }} as date),
    0
from gaps
join numbers on generated_number < {{ dbt.datediff('business_date', 'next_date', 'day') }}
where {{ dbt.datediff('business_date', 'next_date', 'day') }} <= {{ longest }}
