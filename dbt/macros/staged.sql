{#-
    The query of a staging model: the records of a stream, each once, with typed columns in snake
    case, `source_schema` and `business_date`. What isn't loaded is a column of nulls, and a
    stream that was never loaded has no rows. Columns that the tap doesn't know come last.
-#}
{% macro staged(stream) %}
    {%- set facts = tap_eventexport.streams()[stream] -%}
    {%- set tables = tap_eventexport.loaded_tables(stream) -%}
    {%- set others = tap_eventexport.other_columns(facts, tables) -%}
with records as (
    {%- for table in tables %}
    {{ tap_eventexport.newest_records(facts, table, others) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select {{ tap_eventexport.columns_of_records(facts, none, others) }}
    from (select 1 as nothing) as loaded
    where 1 = 0
    {%- endfor %}
)
select
    records.*
    {%- if facts.happened %},
    {%- set happened = 'records.' ~ facts.happened | join(', records.') %}
    {{ tap_eventexport.business_date('coalesce(' ~ happened ~ ')' if ',' in happened else happened) }} as business_date
    {%- endif %}
from records
{%- endmacro %}

{#- The columns of a model, from the rows `loaded` of a table; nulls if there is none. -#}
{% macro columns_of_records(facts, table, others) -%}
    {%- set schema = dbt.string_literal(table.schema) if table else 'null' -%}
        cast({{ schema }} as {{ tap_eventexport.type_of('text') }}) as source_schema
        {%- for name, (alias, kind) in facts.columns.items() %},
        {{ tap_eventexport.value_of(tap_eventexport.found_column(table, name) if table else none, kind) }} as {{ alias }}
        {%- endfor -%}
        {%- for alias, kind in others.items() %},
        {{ tap_eventexport.value_of(table.others.get(alias), kind) }} as {{ tap_eventexport.quoted(alias) }}
        {%- endfor -%}
{%- endmacro %}
