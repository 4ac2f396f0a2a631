{{ config(
    materialized='incremental',
    pre_hook="{{ tap_eventexport.forget_read_again(tap_eventexport.timed_streams().keys()) }}",
) }}
{%- for stream, (model, time) in tap_eventexport.timed_streams().items() %}
select
    '{{ stream }}' as stream,
    source_schema,
    business_date,
    {{ tap_eventexport.utc_date(time) }} as replicated_on,
    count(*) as events,
    {{ tap_eventexport.built_on() }} as built_on
from {{ ref(model) }}
where {{ tap_eventexport.is_read(time, condition="stream = '" ~ stream ~ "'") }}
group by 1, 2, 3, 4
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
