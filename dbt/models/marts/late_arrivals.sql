{%- set whole = tap_eventexport.type_of('integer') -%}
select
    source_schema,
    business_date,
    cast(sum(events) as {{ whole }}) as events,
    cast(sum(within_a_day) + sum(later) as {{ whole }}) as late,
    cast(sum(before_they_happened) as {{ whole }}) as before_they_happened,
    cast(sum(within_a_minute) as {{ whole }}) as within_a_minute,
    cast(sum(within_an_hour) as {{ whole }}) as within_an_hour,
    cast(sum(within_a_day) as {{ whole }}) as within_a_day,
    cast(sum(later) as {{ whole }}) as later,
    max(longest_seconds) as longest_seconds,
    max(replicated_on) as last_arrived_on
from {{ ref('int_dfinery__arrivals') }}
group by 1, 2
