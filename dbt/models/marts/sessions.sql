{#-
    A session is built again from all of its events if any of them, or what Croct says of it when it
    closes, is of the days that are read again, or was. One that has lost all is a row of nothing
    first, which takes the place of the old one, and is then deleted.
-#}
{{ config(
    materialized='incremental',
    unique_key=['source_schema', 'session_id'],
    post_hook="delete from {{ this }} where events = 0 and closed_at is null",
) }}
{%- set instant = tap_eventexport.type_of('instant') %}
with all_events as (
    select source_schema, session_id, user_id, event_type, timestamp
    from {{ ref('stg_croct__events') }}
    where session_id is not null
),
touched as (
    select distinct source_schema, session_id
    from (
        select source_schema, session_id from all_events
        where {{ tap_eventexport.is_read('timestamp', 'last_event_on') }}
        union all
        select source_schema, session_id from {{ ref('stg_croct__sessions') }}
        where {{ tap_eventexport.is_read('close_time', 'closed_on') }}
        {%- if tap_eventexport.goes_on() %}
        union all
        select source_schema, session_id from {{ tap_eventexport.before() }}
        where
            {{ tap_eventexport.is_read_again('last_event_on') }}
            or {{ tap_eventexport.is_read_again('closed_on') }}
        {%- endif %}
    ) as found
),
events as (
    select
        all_events.source_schema,
        all_events.session_id,
        max(user_id) as user_id,
        min(timestamp) as first_at,
        max(timestamp) as last_at,
        count(*) as events,
        sum(case when event_type = 'pageOpened' then 1 else 0 end) as pages_opened,
        sum(case when event_type = 'orderPlaced' then 1 else 0 end) as orders_placed
    from all_events
    {%- if tap_eventexport.goes_on() %}
    join touched using (source_schema, session_id)
    {%- endif %}
    group by 1, 2
),
closed as (
    select
        *,
        cast({{ tap_eventexport.json_text('session_window', 'start') }} as {{ instant }}) as window_start,
        cast({{ tap_eventexport.json_text('session_window', 'end') }} as {{ instant }}) as window_end
    from {{ ref('stg_croct__sessions') }}
    {%- if tap_eventexport.goes_on() %}
    join touched using (source_schema, session_id)
    {%- endif %}
),
sessions as (
    select
        touched.source_schema,
        touched.session_id,
        coalesce(closed.user_id, events.user_id) as user_id,
        closed.external_user_id,
        coalesce(
            least(coalesce(events.first_at, closed.window_start), coalesce(closed.window_start, events.first_at)),
            closed.close_time
        ) as started_at,
        coalesce(
            greatest(coalesce(events.last_at, closed.window_end), coalesce(closed.window_end, events.last_at)),
            closed.close_time
        ) as ended_at,
        closed.close_time as closed_at,
        coalesce(events.events, 0) as events,
        coalesce(events.pages_opened, 0) as pages_opened,
        coalesce(events.orders_placed, 0) as orders_placed,
        closed.referrer,
        closed.landing_page_url,
        {{ tap_eventexport.json_text('closed.campaign', 'name') }} as campaign,
        {{ tap_eventexport.json_text('closed.campaign', 'source') }} as campaign_source,
        {{ tap_eventexport.json_text('closed.campaign', 'medium') }} as campaign_medium,
        {{ tap_eventexport.json_text('closed.location', 'country') }} as country,
        {{ tap_eventexport.json_text('closed.client', 'device.category') }} as device,
        {{ tap_eventexport.json_text('closed.client', 'browser.name') }} as browser,
        {{ tap_eventexport.utc_date('events.last_at') }} as last_event_on,
        {{ tap_eventexport.utc_date('closed.close_time') }} as closed_on
    from touched
    left join events
        on events.source_schema = touched.source_schema and events.session_id = touched.session_id
    left join closed
        on closed.source_schema = touched.source_schema and closed.session_id = touched.session_id
)
select
    *,
    {{ tap_eventexport.business_date('started_at') }} as business_date,
    {{ tap_eventexport.seconds_between('started_at', 'ended_at') }} as seconds,
    {{ tap_eventexport.built_on() }} as built_on
from sessions
