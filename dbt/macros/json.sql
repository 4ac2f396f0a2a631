{#-
    What a JSON column holds, in the same way for every warehouse. A path is the names of nested
    fields with dots between them, as in 'order.orderId'; empty, it is the whole. What isn't there
    is null.
-#}

{#- A text, a number or a boolean in a JSON column, as a text. -#}
{% macro json_text(column, path) %}
    {{- return(adapter.dispatch('json_text', 'tap_eventexport')(column, path)) -}}
{% endmacro %}

{#- A number in a JSON column, as a decimal number with nine places; null if it is something else. -#}
{% macro json_number(column, path) %}
    {{- return(adapter.dispatch('json_number', 'tap_eventexport')(column, path)) -}}
{% endmacro %}

{#- An object, a list or a value in a JSON column, as JSON. -#}
{% macro json_part(column, path) %}
    {{- return(adapter.dispatch('json_part', 'tap_eventexport')(column, path)) -}}
{% endmacro %}

{#-
    Joins the items of a list in a JSON column, after the table that has it:

        select items.index, {{ tap_eventexport.json_text('items.value', 'product.name') }}
        from events
        {{ tap_eventexport.json_items('events.payload', 'order.items', 'items') }}

    Column `value` is the item as JSON, `index` its place, from 0. Without items there is no row.
-#}
{% macro json_items(column, path, alias='items') %}
    {{- return(adapter.dispatch('json_items', 'tap_eventexport')(column, path, alias)) -}}
{% endmacro %}

{#- A path as JSONPath, with each name in quotes. -#}
{% macro json_path(path) %}
    {%- set names = path.split('.') if path else [] -%}
    {%- set quoted = [] -%}
    {%- for name in names -%}{%- do quoted.append('."' ~ name ~ '"') -%}{%- endfor -%}
    {{- return('$' ~ quoted | join('')) -}}
{% endmacro %}

{% macro duckdb__json_text(column, path) %}
    {{- return("json_extract_string(" ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "')") -}}
{% endmacro %}

{% macro duckdb__json_number(column, path) %}
    {{- return('try_cast(' ~ tap_eventexport.json_text(column, path) ~ ' as decimal(38, 9))') -}}
{% endmacro %}

{% macro duckdb__json_part(column, path) %}
    {{- return("json_extract(" ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "')") -}}
{% endmacro %}

{% macro duckdb__json_items(column, path, alias) %}
    {%- set list = "json_extract(" ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "[*]')" -%}
    {{- return(
        'cross join lateral (select unnest(' ~ list ~ ') as value, generate_subscripts(' ~ list
        ~ ', 1) - 1 as index) as ' ~ alias
    ) -}}
{% endmacro %}

{#- A path as PostgreSQL's operators take it. -#}
{% macro names_in_path(path) %}
    {%- set names = path.split('.') if path else [] -%}
    {{- return('{"' ~ names | join('","') ~ '"}' if names else '{}') -}}
{% endmacro %}

{% macro postgres__json_text(column, path) %}
    {{- return('(' ~ column ~ " #>> '" ~ tap_eventexport.names_in_path(path) ~ "')") -}}
{% endmacro %}

{% macro postgres__json_number(column, path) %}
    {%- set text = tap_eventexport.json_text(column, path) -%}
    {{- return(
        "case when " ~ text ~ " ~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$'"
        ~ ' then round(cast(' ~ text ~ ' as numeric), 9) end'
    ) -}}
{% endmacro %}

{% macro postgres__json_part(column, path) %}
    {{- return('(' ~ column ~ " #> '" ~ tap_eventexport.names_in_path(path) ~ "')") -}}
{% endmacro %}

{% macro postgres__json_items(column, path, alias) %}
    {%- set part = tap_eventexport.json_part(column, path) -%}
    {{- return(
        'cross join lateral (select value, ordinality - 1 as index from jsonb_array_elements('
        ~ "case when jsonb_typeof(" ~ part ~ ") = 'array' then " ~ part ~ " else '[]' end"
        ~ ') with ordinality as listed (value, ordinality)) as ' ~ alias
    ) -}}
{% endmacro %}

{% macro bigquery__json_text(column, path) %}
    {{- return("json_value(" ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "')") -}}
{% endmacro %}

{% macro bigquery__json_number(column, path) %}
    {{- return('safe_cast(' ~ tap_eventexport.json_text(column, path) ~ ' as numeric)') -}}
{% endmacro %}

{% macro bigquery__json_part(column, path) %}
    {{- return("json_query(" ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "')") -}}
{% endmacro %}

{% macro bigquery__json_items(column, path, alias) %}
    {{- return(
        'cross join unnest(array(select as struct value, index from unnest(json_query_array('
        ~ column ~ ", '" ~ tap_eventexport.json_path(path) ~ "')) as value with offset as index)) as " ~ alias
    ) -}}
{% endmacro %}

{% macro snowflake__json_text(column, path) %}
    {{- return('cast(' ~ tap_eventexport.json_part(column, path) ~ ' as varchar)') -}}
{% endmacro %}

{% macro snowflake__json_number(column, path) %}
    {{- return('try_cast(' ~ tap_eventexport.json_text(column, path) ~ ' as number(38, 9))') -}}
{% endmacro %}

{% macro snowflake__json_part(column, path) %}
    {{- return("get_path(" ~ column ~ ", '" ~ tap_eventexport.json_path(path)[2:] ~ "')") -}}
{% endmacro %}

{% macro snowflake__json_items(column, path, alias) %}
    {{- return(
        'cross join lateral flatten(input => ' ~ tap_eventexport.json_part(column, path)
        ~ ", mode => 'ARRAY') as " ~ alias
    ) -}}
{% endmacro %}
