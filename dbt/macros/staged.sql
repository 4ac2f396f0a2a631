{#-
    The query of a staging model: the records of a stream, each once, with typed columns in snake
    case, `source_schema` and `business_date`. What isn't loaded is a column of nulls, and a
    stream that was never loaded has no rows. Columns that the tap doesn't know come last.
-#}
{% macro staged(stream) %}
    {%- set facts = tap_eventexport.streams()[stream] -%}
    {%- set tables = tap_eventexport.loaded_tables(stream) -%}
    {%- set others = tap_eventexport.other_columns(facts, tables) -%}
    {%- if execute and not tables -%}
        {%- do tap_eventexport.warn_of_nothing(stream) -%}
    {%- endif -%}
with records as (
    {%- for table in tables or [none] %}
    {{ tap_eventexport.newest_records(facts, table, others) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)
select
    records.*
    {%- if facts.happened %},
    {{ tap_eventexport.business_date('coalesce(' ~ facts.happened | join(', ') ~ ')' if facts.happened | length > 1 else facts.happened[0]) }} as business_date
    {%- endif %}
from records
{%- endmacro %}

{#- The newest row of each key of a table, or no row if there is no table. -#}
{% macro newest_records(facts, table, others) -%}
    select
        {{ dbt.string_literal(table.schema) if table else 'cast(null as ' ~ tap_eventexport.type_of('text') ~ ')' }} as source_schema
        {%- for name, (alias, kind) in facts.columns.items() %},
        {{ tap_eventexport.value_as(table, name, kind) }} as {{ alias }}
        {%- endfor %}
        {%- for name, (alias, kind) in others.items() %},
        {{ tap_eventexport.value_as(table, name, kind) }} as {{ alias }}
        {%- endfor %}
    {%- if not table %}
    from (select 1 as nothing) as loaded
    where 1 = 0
    {%- elif var('tap_eventexport_upserted', false) and not table.is_files %}
    from {{ table.rows }} as loaded
    {%- if tap_eventexport.found_column(table, '_sdc_deleted_at') %}
    where {{ tap_eventexport.loaded_column(table, '_sdc_deleted_at') }} is null
    {%- endif %}
    {%- else %}
    from (
        select
            loaded.*,
            row_number() over (
                partition by {{ tap_eventexport.loaded_column(table, facts.key) }}
                order by {{ tap_eventexport.newest_first(facts, table) }}
            ) as place
        from {{ table.rows }} as loaded
    ) as loaded
    where loaded.place = 1
    {%- if tap_eventexport.found_column(table, '_sdc_deleted_at') %}
        and {{ tap_eventexport.loaded_column(table, '_sdc_deleted_at') }} is null
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{#-
    How the newest row of a key is told: by what the loader noted, then by the stream's times, then
    by the whole row, so that two runs choose the same one of rows that are alike in all else.
-#}
{% macro newest_first(facts, table) -%}
    {%- set noted = ['_sdc_sequence', '_sdc_received_at', '_sdc_batched_at', '_dlt_load_id', '_eventexport_file', '_eventexport_line'] -%}
    {%- set orders = [] -%}
    {%- for name in noted + [facts.time] if name and tap_eventexport.found_column(table, name) -%}
        {%- do orders.append(tap_eventexport.loaded_column(table, name) ~ ' desc nulls last') -%}
    {%- endfor -%}
    {%- if not table.is_files -%}
        {%- do orders.append(adapter.dispatch('row_as_text', 'tap_eventexport')('loaded') ~ ' desc') -%}
    {%- endif -%}
    {{ orders | join(', ') }}
{%- endmacro %}

{% macro default__row_as_text(alias) %}
    {{- return('cast(' ~ alias ~ ' as ' ~ tap_eventexport.type_of('text') ~ ')') -}}
{% endmacro %}

{% macro bigquery__row_as_text(alias) %}
    {{- return('to_json_string(' ~ alias ~ ')') -}}
{% endmacro %}

{% macro snowflake__row_as_text(alias) %}
    {{- return('to_json(object_construct_keep_null(*))') -}}
{% endmacro %}
