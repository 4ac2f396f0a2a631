{{ config(materialized='view') }}
select
    source_schema,
    action_id as log_in_id,
    operator,
    acted_at as logged_in_at,
    business_date,
    address,
    description
from {{ ref('operator_actions') }}
where is_log_in
