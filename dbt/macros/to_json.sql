{#- Expressions of any kind as JSON. -#}
{% macro duckdb__to_json(expression, from_kind) %}
    {%- if from_kind == 'text' -%}
        {{- return("cast(nullif(" ~ expression ~ ", '') as json)") -}}
    {%- endif -%}
    {{- return('to_json(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro postgres__to_json(expression, from_kind) %}
    {%- if from_kind == 'text' -%}
        {{- return("cast(nullif(" ~ expression ~ ", '') as jsonb)") -}}
    {%- endif -%}
    {{- return('to_jsonb(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro bigquery__to_json(expression, from_kind) %}
    {%- if from_kind == 'text' -%}
        {{- return("parse_json(nullif(" ~ expression ~ ", ''), wide_number_mode => 'round')") -}}
    {%- endif -%}
    {{- return('to_json(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro snowflake__to_json(expression, from_kind) %}
    {%- if from_kind == 'text' -%}
        {{- return("parse_json(nullif(" ~ expression ~ ", ''))") -}}
    {%- endif -%}
    {{- return('to_variant(' ~ expression ~ ')') -}}
{% endmacro %}
