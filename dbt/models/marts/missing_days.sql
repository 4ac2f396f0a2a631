{{ config(materialized='view') }}
select stream, source_schema, business_date
from {{ ref('daily_counts') }}
where events = 0
