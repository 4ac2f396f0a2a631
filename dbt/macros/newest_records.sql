{#-
    The records of a table, each once: of the rows of a key the newest one, unless it says that the
    record was deleted. A warehouse is slow at numbering all rows, so only those are numbered whose
    key comes again. Files are numbered as a whole, to be read only once.
-#}
{% macro newest_records(facts, table, others) -%}
    {%- set key = tap_eventexport.loaded_column(table, facts.key) -%}
    {%- set columns = tap_eventexport.columns_of_records(facts, table, others) -%}
    {%- set kept = '1 = 1' -%}
    {%- if tap_eventexport.found_column(table, '_sdc_deleted_at') -%}
        {%- set kept = tap_eventexport.loaded_column(table, '_sdc_deleted_at') ~ ' is null' -%}
    {%- endif -%}
    {%- set repeated -%}
        (
            select {{ key }} as repeated_key
            from {{ table.rows }} as loaded
            group by {{ key }}
            having count(*) > 1
        ) as repeated
        where repeated.repeated_key = {{ key }}
    {%- endset -%}
    {%- set is_once = var('tap_eventexport_upserted', false) and not table.is_files -%}
    {%- if not table.is_files %}
    select
        {{ columns }}
    from {{ table.rows }} as loaded
    where {{ kept }}
    {%- endif %}
    {%- if not table.is_files and not is_once %}
        and not exists (select 1 from {{ repeated }})
    union all
    {%- endif %}
    {%- if not is_once %}
    select
        {{ columns }}
    from (
        select
            loaded.*,
            row_number() over (
                partition by {{ key }}
                order by {{ tap_eventexport.newest_first(facts, table) }}
            ) as place
        from {{ table.rows }} as loaded
        {%- if not table.is_files %}
        where exists (select 1 from {{ repeated }})
        {%- endif %}
    ) as loaded
    where loaded.place = 1 and {{ kept }}
    {%- endif %}
{%- endmacro %}

{#-
    How the newest row of a key is told: by what the loader noted, then by the stream's time, then
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
    {{- return('to_json(object_construct_keep_null(' ~ alias ~ '.*))') -}}
{% endmacro %}
