{#- The streams of events, each with its staging model and the column of its replication key. -#}
{% macro timed_streams() %}
    {{- return({
        'dfinery_events': ['stg_dfinery__events', 'df_server_datetime'],
        'happytalk_service_history': ['stg_happytalk__service_history', 'request_date'],
        'happytalk_siem_events': ['stg_happytalk__siem_events', 'event_time'],
        'croct_events': ['stg_croct__events', 'timestamp'],
        'croct_sessions': ['stg_croct__sessions', 'close_time'],
        'infobip_events': ['stg_infobip__events', 'timestamp'],
        'ncp_apigateway_events': ['stg_ncp__apigateway_events', 'time'],
    }) -}}
{% endmacro %}
