-- Views over the tables of tap-eventexport's streams
-- as tables.sql makes them.

create or replace view sessions_per_day as
select
    cast("timestamp" at time zone 'UTC' as date) as day,
    count(distinct "sessionId") as sessions,
    count(distinct "userId") as users,
    count(*) as events
from croct_events
group by 1;

create or replace view orders as
select
    'Croct' as vendor,
    payload->'order'->>'orderId' as order_id,
    "timestamp" as ordered_at,
    cast(payload->'order'->>'total' as decimal(18, 2)) as total,
    payload->'order'->>'currency' as currency
from croct_events
where "eventType" = 'orderPlaced'
union all
select  -- a row of Dfinery's is an item; all items of an order have the order's total
    'Dfinery',
    df_order_id,
    min(df_event_datetime),
    cast(max(df_total_purchase_amount) as decimal(18, 2)),
    null
from dfinery_events
where df_event_name = 'df_purchase' and df_order_id is not null
group by df_order_id;

create or replace view alarms_by_type as
select
    cast("time" at time zone 'UTC' as date) as day,
    level,
    type,
    count(*) as events
from ncp_apigateway_events
group by 1, 2, 3;

create or replace view log_ins_by_user as
select
    request_user,
    count(*) as log_ins,
    min(request_date) as first_at,
    max(request_date) as last_at
from happytalk_service_history
where apply_content = '로그인'
group by request_user;

create or replace view late_arrivals as
select
    cast(df_event_datetime at time zone 'UTC' as date) as day,
    count(*) filter (where df_server_datetime - df_event_datetime > interval '1 hour') as late,
    count(*) as events,
    max(df_server_datetime - df_event_datetime) as longest
from dfinery_events
group by 1;

create or replace view events_by_definition as
select
    "definitionId" as definition,
    title,
    count(*) as events,
    min("timestamp") as first_at,
    max("timestamp") as last_at
from infobip_events
left join infobip_event_definitions using ("definitionId")
group by 1, 2;

create or replace view missing_days as
with days as (
    select 'croct_events' as stream, cast("timestamp" at time zone 'UTC' as date) as day from croct_events
    union
    select 'dfinery_events' as stream, cast(df_server_datetime at time zone 'UTC' as date) as day from dfinery_events
    union
    select 'happytalk_service_history' as stream, cast(request_date at time zone 'UTC' as date) as day from happytalk_service_history
    union
    select 'happytalk_siem_events' as stream, cast(event_time at time zone 'UTC' as date) as day from happytalk_siem_events
    union
    select 'infobip_events' as stream, cast("timestamp" at time zone 'UTC' as date) as day from infobip_events
    union
    select 'ncp_apigateway_events' as stream, cast("time" at time zone 'UTC' as date) as day from ncp_apigateway_events
),
known as (
    select stream, min(day) as first_day, max(day) as last_day from days group by stream
),
wanted as (
    select stream, cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as day from known
)
select stream, day
from wanted
where not exists (
    select 1 from days where days.stream = wanted.stream and days.day = wanted.day
);
