{#-
    Streams whose marts have another number of events than are loaded. They are the same unless
    events older than the days that a build reads again were loaded: `dbt build --full-refresh` then.
    Without the marts, as after `dbt build --select staging`, there is nothing to compare.
-#}
{{ config(severity='warn') }}
{%- if execute and load_relation(ref('daily_counts')) is none %}
select 1 as stream limit 0
{%- else %}
with counted as (
    select stream, source_schema, sum(events) as events
    from {{ ref('daily_counts') }}
    group by 1, 2
),
loaded as (
    {%- for stream, (model, time) in tap_eventexport.timed_streams().items() %}
    select '{{ stream }}' as stream, source_schema, count(*) as events
    from {{ ref(model) }}
    group by 1, 2
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)
select loaded.stream, loaded.source_schema, loaded.events as loaded_events, counted.events as counted_events
from loaded
left join counted on counted.stream = loaded.stream and counted.source_schema = loaded.source_schema
where counted.events is null or counted.events <> loaded.events
{%- endif %}
