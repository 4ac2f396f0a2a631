{#-
    The tables of a stream, one for each schema that has it, with a warning if some don't; each as
    {schema, rows: what stands after `from`, columns: [{name, kind}], is_files}.
-#}
{% macro loaded_tables(stream) %}
    {%- set tables, missing = [], [] -%}
    {%- if var('tap_eventexport_seeds', false) -%}
        {%- set origin = ref('seed_' ~ stream) -%}
        {%- set places = [[origin.schema, origin.identifier]] -%}
    {%- else -%}
        {%- set origin = source('eventexport', stream) -%}
        {%- set places = [] -%}
        {%- for schema in tap_eventexport.schemas() -%}
            {%- do places.append([schema, stream]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if execute -%}
        {%- for schema, name in places -%}
            {%- if var('tap_eventexport_jsonl_folder', none) and not var('tap_eventexport_seeds', false) -%}
                {%- set table = tap_eventexport.files_in_place(stream, schema) -%}
            {%- else -%}
                {%- set table = tap_eventexport.table_in(origin.database, schema, name) -%}
            {%- endif -%}
            {%- if table -%}{%- do tables.append(table) -%}{%- else -%}{%- do missing.append(schema) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if missing -%}
        {%- do exceptions.warn(
            'tap_eventexport: nothing of ' ~ stream ~ ' was loaded into ' ~ missing | join(', ') ~ ', so that models have no '
            ~ 'rows from there. If there should be some, look at the variables tap_eventexport_schema and tap_eventexport_database.'
        ) -%}
    {%- endif -%}
    {{- return(tables) -}}
{% endmacro %}

{#- The schemas that the loader wrote to; the database's own if the variable is empty. -#}
{% macro schemas() %}
    {%- set several = var('tap_eventexport_schemas', []) -%}
    {%- if several is string -%}
        {%- do exceptions.raise_compiler_error('tap_eventexport_schemas: expected a list such as [one, two]') -%}
    {%- endif -%}
    {%- set own = 'main' if target.type == 'duckdb' else 'public' -%}
    {{- return(several or [var('tap_eventexport_schema', 'events') or own]) -}}
{% endmacro %}

{% macro table_in(database, schema, name) %}
    {%- set relation = adapter.get_relation(database=database, schema=schema, identifier=name) -%}
    {%- if relation is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do columns.append({'name': column.name, 'kind': tap_eventexport.kind_of(column.data_type)}) -%}
    {%- endfor -%}
    {{- return({'schema': schema, 'rows': tap_eventexport.rows_of(relation), 'columns': columns, 'is_files': false}) -}}
{% endmacro %}

{#- A table after `from`. DuckDB takes no name in a view whose schema is named like its file. -#}
{% macro rows_of(relation) %}
    {%- if target.type == 'duckdb' and relation.database | lower == relation.schema | lower -%}
        {{- return('query_table(' ~ dbt.string_literal(dbt.escape_single_quotes(relation | string)) ~ ')') -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}

{#-
    The files of target-jsonl, read in place by DuckDB. With several schemas each is a folder in
    the folder. Of several lines of a key the last one counts, in the newest file.
-#}
{% macro files_in_place(stream, schema) %}
    {%- if target.type != 'duckdb' -%}
        {%- do exceptions.raise_compiler_error(
            'tap_eventexport_jsonl_folder: only DuckDB reads files in place, and this is ' ~ target.type
        ) -%}
    {%- endif -%}
    {%- set folder = var('tap_eventexport_jsonl_folder') -%}
    {%- if var('tap_eventexport_schemas', []) -%}{%- set folder = folder ~ '/' ~ schema -%}{%- endif -%}
    {%- set files = dbt.string_literal(dbt.escape_single_quotes(folder ~ '/' ~ stream ~ '*.jsonl')) -%}
    {%- if run_query('select count(*) from glob(' ~ files ~ ')').columns[0].values()[0] == 0 -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set facts = tap_eventexport.streams()[stream] -%}
    {%- set columns = [] -%}
    {%- for name, (alias, kind) in facts.columns.items() -%}
        {%- do columns.append({'name': name, 'kind': 'text' if kind in ('instant', 'date') else kind}) -%}
    {%- endfor -%}
    {%- if facts.is_growing -%}
        {#- With a letter before, since dbt takes a text such as null or 1 for something else. -#}
        {%- set keys = "select distinct 'n' || unnest(json_keys(json)) as name from read_json_objects("
            ~ files ~ ", format = 'newline_delimited') order by name" -%}
        {%- for name in run_query(keys).columns[0].values() if name[1:] and name[1:] not in facts.columns -%}
            {%- do columns.append({'name': name[1:], 'kind': 'text'}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set typed = [] -%}
    {%- for column in columns -%}
        {%- do typed.append(tap_eventexport.name_of(column) ~ ": '" ~ tap_eventexport.type_of(column.kind) ~ "'") -%}
    {%- endfor -%}
    {%- set rows -%}
        (
            select *, row_number() over () as _eventexport_line
            from read_json(
                {{ files }}, format = 'newline_delimited', filename = '_eventexport_file',
                columns = { {{- typed | join(', ') -}} }
            )
        )
    {%- endset -%}
    {{- return({'schema': schema, 'rows': rows, 'columns': columns + [
        {'name': '_eventexport_file', 'kind': 'text'}, {'name': '_eventexport_line', 'kind': 'integer'}
    ], 'is_files': true}) -}}
{% endmacro %}

{#-
    The query for a source's freshness: when the newest record is from, in the schema where that is
    longest ago. A stream that was never loaded is as fresh as can be, with a warning.
-#}
{% macro newest_loaded(stream) %}
    {%- set facts = tap_eventexport.streams()[stream] -%}
    {%- set alias, kind = facts.columns[facts.time] -%}
    {%- set tables = tap_eventexport.loaded_tables(stream) -%}
    {%- if not tables -%}
        select {{ dbt.current_timestamp() }}
    {%- else -%}
        select min(newest) from (
            {%- for table in tables %}
            select max({{ tap_eventexport.value_of(tap_eventexport.found_column(table, facts.time), kind) }}) as newest from {{ table.rows }} as loaded
            {%- if not loop.last %} union all {%- endif %}
            {%- endfor %}
        ) as newest_of_each
    {%- endif -%}
{% endmacro %}
