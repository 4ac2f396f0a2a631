{{ config(materialized='view') }} {#- there are few beside events -#}
select
    source_schema,
    business_date,
    level,
    type,
    case type
        when 'ES010' then 'subscription requested'
        when 'ES020' then 'subscription changed'
        when 'EU400' then 'quota exceeded'
        when 'EU410' then 'too many requests a second'
        when 'EU420' then 'too much usage a second'
    end as meaning,
    message,
    count(*) as events,
    min(time) as first_at,
    max(time) as last_at
from {{ ref('stg_ncp__apigateway_events') }}
group by source_schema, business_date, level, type, message
