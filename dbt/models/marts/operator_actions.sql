{#-
    The service history has all actions; SIEM lines have those without log-ins, with a name and an
    address, but no id. They are the same if operator, second and text are the same. A line is an
    action of its own only if the history has none of that operator and second, as if it isn't loaded.
-#}
{{ config(materialized='view') }} {#- there are few beside events -#}
with history as (
    select * from {{ ref('stg_happytalk__service_history') }}
),
lines as (
    select
        source_schema,
        user_name,
        event_time,
        msg,
        min(event_name) as event_name,
        min(clientip) as address
    from {{ ref('stg_happytalk__siem_events') }}
    group by 1, 2, 3, 4
),
only_lines as (
    select siem.*
    from {{ ref('stg_happytalk__siem_events') }} as siem
    left join history
        on history.source_schema = siem.source_schema
        and history.request_user = siem.user_name
        and history.request_date = siem.event_time
    where history.id is null
),
actions as (
    select
        history.source_schema,
        history.id as action_id,
        history.request_date as acted_at,
        history.request_user as operator,
        coalesce(history.apply_content = '로그인', false) as is_log_in,
        case history.kind
            when 'A' then 'archive' when 'K' then 'key' when 'S' then 'manager' else history.kind
        end as kind,
        history.type = 'A' as is_automatic,
        lines.event_name,
        history.request_content as description,
        history.apply_content as outcome,
        history.apply_id as applied_by,
        history.apply_date as applied_at,
        coalesce({{ tap_eventexport.first_match('history.request_content', 'IP - ([0-9A-Fa-f.:]+)') }}, lines.address) as address
    from history
    left join lines
        on lines.source_schema = history.source_schema
        and lines.user_name = history.request_user
        and lines.event_time = history.request_date
        and lines.msg = history.request_content
    union all
    select
        source_schema,
        event_key,
        event_time,
        user_name,
        false,
        null,
        null,
        event_name,
        msg,
        result,
        null,
        null,
        clientip
    from only_lines
)
select *, {{ tap_eventexport.business_date('acted_at') }} as business_date
from actions
