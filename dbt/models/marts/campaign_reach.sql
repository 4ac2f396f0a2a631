select
    events.source_schema,
    events.campaign,
    events.campaign_start,
    events.element,
    events.definition_id,
    max(definitions.title) as title,
    max(definitions.category) as category,
    count(*) as events,
    count(distinct events.person) as people,
    min(events.happened_at) as first_at,
    max(events.happened_at) as last_at
from {{ ref('int_infobip__events') }} as events
left join {{ ref('stg_infobip__event_definitions') }} as definitions
    on definitions.source_schema = events.source_schema
    and definitions.definition_id = events.definition_id
group by 1, 2, 3, 4, 5
