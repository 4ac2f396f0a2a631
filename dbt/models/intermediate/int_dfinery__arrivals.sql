{{ config(
    materialized='incremental',
    pre_hook="{{ tap_eventexport.forget_read_again(['dfinery_events']) }}",
) }}
with events as (
    select
        source_schema,
        business_date,
        df_server_datetime,
        {{ tap_eventexport.seconds_between('coalesce(df_event_datetime, df_correction_datetime)', 'df_server_datetime') }} as delay
    from {{ ref('stg_dfinery__events') }}
    where {{ tap_eventexport.is_read('df_server_datetime') }}
)
select
    'dfinery_events' as stream,
    source_schema,
    business_date,
    {{ tap_eventexport.utc_date('df_server_datetime') }} as replicated_on,
    count(*) as events,
    sum(case when delay < 0 then 1 else 0 end) as before_they_happened,
    sum(case when delay between 0 and 60 then 1 else 0 end) as within_a_minute,
    sum(case when delay > 60 and delay <= 3600 then 1 else 0 end) as within_an_hour,
    sum(case when delay > 3600 and delay <= 86400 then 1 else 0 end) as within_a_day,
    sum(case when delay > 86400 then 1 else 0 end) as later,
    max(delay) as longest_seconds,
    {{ tap_eventexport.built_on() }} as built_on
from events
group by 1, 2, 3, 4
