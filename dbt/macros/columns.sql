{#- A name in snake case: eventType becomes event_type. -#}
{% macro snake_case(name) %}
    {%- set parted = modules.re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', name) -%}
    {{- return(modules.re.sub('[^\\w]', '_', parted) | lower) -}}
{% endmacro %}

{#-
    The column of a table that has a name of the tap: as it is, else in another case or in snake
    case, as some loaders write names; none if there is no such column.
-#}
{% macro found_column(table, name) %}
    {%- for column in table.columns if column.name == name -%}
        {{- return(column) -}}
    {%- endfor -%}
    {%- for column in table.columns if column.name | lower in (name | lower, tap_eventexport.snake_case(name)) -%}
        {{- return(column) -}}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}

{#- A column's name in SQL. An account may have given it any name, with quotes in it. -#}
{% macro name_of(column) %}
    {{- return(adapter.quote(column.name | replace('"', '""') if target.type != 'bigquery' else column.name)) -}}
{% endmacro %}

{#- A column of `loaded`, by its name of the tap. -#}
{% macro loaded_column(table, name) %}
    {%- set column = tap_eventexport.found_column(table, name) -%}
    {%- if column is none -%}
        {%- do exceptions.raise_compiler_error(
            'tap_eventexport: a table in schema ' ~ table.schema ~ ' has no column ' ~ name
            ~ ', which is its key: is it a table of tap-eventexport?'
        ) -%}
    {%- endif -%}
    {{- return('loaded.' ~ tap_eventexport.name_of(column)) -}}
{% endmacro %}

{#- A column of `loaded` as a kind; null if there is no column. -#}
{% macro value_of(column, kind) %}
    {%- if not column -%}
        {{- return('cast(null as ' ~ tap_eventexport.type_of(kind) ~ ')') -}}
    {%- endif -%}
    {{- return(tap_eventexport.convert('loaded.' ~ tap_eventexport.name_of(column), column.kind, kind)) -}}
{% endmacro %}

{#-
    Columns of some tables that the tap doesn't know, as {alias: kind}; without those that loaders
    add. Each table is given `others`, its column of each alias. Where tables differ in a kind, it
    is text.
-#}
{% macro other_columns(facts, tables) %}
    {%- set kinds = {} -%}
    {%- set taken = ['source_schema', 'business_date'] -%}
    {%- for alias, kind in facts.columns.values() -%}{%- do taken.append(alias) -%}{%- endfor -%}
    {%- for table in tables -%}
        {%- set others = {} -%}
        {%- for column in tap_eventexport.unknown_columns(facts, table) -%}
            {%- set name = tap_eventexport.snake_case(column.name) -%}
            {%- set alias = tap_eventexport.free_name(name, taken + others.keys() | list) -%}
            {%- set kind = {'naive': 'instant', 'nested': 'json', 'unknown': 'text'}.get(column.kind, column.kind) -%}
            {%- do others.update({alias: column}) -%}
            {%- do kinds.update({alias: kind if kinds.get(alias, kind) == kind else 'text'}) -%}
        {%- endfor -%}
        {%- do table.update({'others': others}) -%}
    {%- endfor -%}
    {{- return(kinds) -}}
{% endmacro %}

{#- Columns of a table that the tap doesn't know; first those whose name is in snake case already. -#}
{% macro unknown_columns(facts, table) %}
    {%- set known = [] -%}
    {%- for name in facts.columns if tap_eventexport.found_column(table, name) -%}
        {%- do known.append(tap_eventexport.found_column(table, name).name) -%}
    {%- endfor -%}
    {%- set as_they_are, others = [], [] -%}
    {%- for column in table.columns if column.name not in known
        and not (column.name | lower).startswith(('_sdc_', '_dlt_', '_eventexport_')) -%}
        {%- set is_snake = column.name == tap_eventexport.snake_case(column.name) -%}
        {%- do (as_they_are if is_snake else others).append(column) -%}
    {%- endfor -%}
    {{- return(as_they_are + others) -}}
{% endmacro %}

{#- A name, with _2, _3 and so on if it is taken. -#}
{% macro free_name(name, taken) %}
    {%- if name not in taken -%}{{- return(name) -}}{%- endif -%}
    {%- for number in range(2, taken | length + 3) if name ~ '_' ~ number not in taken -%}
        {{- return(name ~ '_' ~ number) -}}
    {%- endfor -%}
{% endmacro %}

{#- A name in lower case, in quotes since it may be a word of SQL, so that it can be used without them. -#}
{% macro quoted(name) %}
    {{- return(adapter.quote(name | upper if target.type == 'snowflake' else name)) -}}
{% endmacro %}
