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

{#- A column of `loaded`, by its name of the tap. -#}
{% macro loaded_column(table, name) %}
    {%- set column = tap_eventexport.found_column(table, name) -%}
    {%- if column is none -%}
        {%- do exceptions.raise_compiler_error(
            'tap_eventexport: a table in schema ' ~ table.schema ~ ' has no column ' ~ name
            ~ ', which is its key: is it a table of tap-eventexport?'
        ) -%}
    {%- endif -%}
    {{- return('loaded.' ~ adapter.quote(column.name)) -}}
{% endmacro %}

{#- A column of `loaded` as a kind; null if the table doesn't have it. -#}
{% macro value_as(table, name, kind) %}
    {%- set column = tap_eventexport.found_column(table, name) if table else none -%}
    {%- if column is none -%}
        {{- return('cast(null as ' ~ tap_eventexport.type_of(kind) ~ ')') -}}
    {%- endif -%}
    {{- return(tap_eventexport.convert('loaded.' ~ adapter.quote(column.name), column.kind, kind)) -}}
{% endmacro %}

{#-
    Columns of some tables that the tap doesn't know, as {name: [alias, kind]}; without those that
    loaders add. Where tables differ in a column's kind, it is text.
-#}
{% macro other_columns(facts, tables) %}
    {%- set others = {} -%}
    {%- set taken = ['source_schema', 'business_date'] -%}
    {%- for alias, kind in facts.columns.values() -%}{%- do taken.append(alias) -%}{%- endfor -%}
    {%- for table in tables -%}
        {%- set known = [] -%}
        {%- for name in facts.columns if tap_eventexport.found_column(table, name) -%}
            {%- do known.append(tap_eventexport.found_column(table, name).name) -%}
        {%- endfor -%}
        {%- for column in table.columns if column.name not in known
            and not (column.name | lower).startswith(('_sdc_', '_dlt_', '_eventexport_')) -%}
            {%- set kind = {'naive': 'instant', 'nested': 'json'}.get(column.kind, column.kind) -%}
            {%- if column.name in others -%}
                {%- set alias, before = others[column.name] -%}
                {%- do others.update({column.name: [alias, kind if before == kind else 'text']}) -%}
            {%- else -%}
                {%- set name = tap_eventexport.free_name(tap_eventexport.snake_case(column.name), taken) -%}
                {%- do taken.append(name) -%}
                {%- do others.update({column.name: [tap_eventexport.quoted(name), kind]}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(others) -}}
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
