{#- Where Infobip puts a campaign's fields isn't documented: beside the event's own, or among them. -#}
{{ config(
    materialized='incremental',
    unique_key=['source_schema', 'event_key'],
    pre_hook="{{ tap_eventexport.forget_read_again(['infobip_events']) }}",
) }}
select
    'infobip_events' as stream,
    source_schema,
    event_key,
    timestamp as happened_at,
    definition_id,
    coalesce(person_id, external_person_id) as person,
    {%- for name, column in {'campaignName': 'campaign', 'campaignStart': 'campaign_start', 'elementName': 'element'}.items() %}
    coalesce({{ tap_eventexport.json_text('_extra', name) }}, {{ tap_eventexport.json_text('properties', name) }}) as {{ column }},
    {%- endfor %}
    {{ tap_eventexport.utc_date('timestamp') }} as replicated_on,
    {{ tap_eventexport.built_on() }} as built_on
from {{ ref('stg_infobip__events') }}
where {{ tap_eventexport.is_read('timestamp') }}
