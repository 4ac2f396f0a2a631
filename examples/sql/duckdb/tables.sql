-- Tables over the files of target-jsonl, each record once. Before: set variable folder = 'output';
-- Of several lines with one key, the last one counts: it is what the vendor said last.
-- Columns that are not named here, such as a service's own ones of Dfinery, can be added in the same way.

create or replace table croct_events as
select distinct on (id) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/croct_events.jsonl', format = 'newline_delimited', columns = {
        id: 'varchar', "timestamp": 'timestamptz', "eventType": 'varchar', "sessionId": 'varchar',
        "userId": 'varchar', context: 'json', payload: 'json', "applicationSlug": 'varchar'
    })
)
order by id, line desc;

create or replace table croct_sessions as
select distinct on ("sessionId") * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/croct_sessions.jsonl', format = 'newline_delimited', columns = {
        "sessionId": 'varchar', "closeTime": 'timestamptz', "userId": 'varchar', "externalUserId": 'varchar',
        "window": 'json', referrer: 'varchar', "landingPageUrl": 'varchar', campaign: 'json', statistics: 'json'
    })
)
order by "sessionId", line desc;

create or replace table dfinery_events as
select distinct on (df_event_detail_log_id) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/dfinery_events.jsonl', format = 'newline_delimited', columns = {
        df_event_detail_log_id: 'varchar', df_event_log_id: 'varchar', df_event_name: 'varchar',
        df_event_datetime: 'timestamptz', df_server_datetime: 'timestamptz', df_unified_id: 'varchar',
        df_order_id: 'varchar', df_total_purchase_amount: 'double'
    })
)
order by df_event_detail_log_id, line desc;

create or replace table happytalk_service_history as
select distinct on (id) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/happytalk_service_history.jsonl', format = 'newline_delimited', columns = {
        id: 'varchar', type: 'varchar', kind: 'varchar', request_user: 'varchar', request_content: 'varchar',
        request_date: 'timestamptz', apply_id: 'varchar', apply_content: 'varchar', apply_date: 'timestamptz'
    })
)
order by id, line desc;

create or replace table happytalk_siem_events as
select distinct on (event_key) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/happytalk_siem_events.jsonl', format = 'newline_delimited', columns = {
        event_key: 'varchar', event_time: 'timestamptz', event_name: 'varchar', result: 'varchar',
        "user": 'varchar', clientip: 'varchar', msg: 'varchar'
    })
)
order by event_key, line desc;

create or replace table infobip_events as
select distinct on (event_key) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/infobip_events.jsonl', format = 'newline_delimited', columns = {
        event_key: 'varchar', "definitionId": 'varchar', "personId": 'varchar', "externalPersonId": 'varchar',
        "timestamp": 'timestamptz', properties: 'json'
    })
)
order by event_key, line desc;

create or replace table infobip_event_definitions as
select distinct on ("definitionId") * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/infobip_event_definitions.jsonl', format = 'newline_delimited', columns = {
        "definitionId": 'varchar', title: 'varchar', description: 'varchar', category: 'varchar',
        subcategory: 'varchar', "isInternalDefinition": 'boolean', fields: 'json'
    })
)
order by "definitionId", line desc;

create or replace table ncp_apigateway_events as
select distinct on (event_key) * exclude (line)
from (
    select *, row_number() over () as line
    from read_json(getvariable('folder') || '/ncp_apigateway_events.jsonl', format = 'newline_delimited', columns = {
        event_key: 'varchar', "time": 'timestamptz', level: 'varchar', type: 'varchar', message: 'varchar'
    })
)
order by event_key, line desc;
