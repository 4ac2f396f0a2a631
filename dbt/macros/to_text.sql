{#- Expressions of any kind as a text; of JSON, a text without its quotes, and null for JSON's null. -#}
{% macro default__to_text(expression, from_kind) %}
    {{- return('cast(' ~ expression ~ ' as ' ~ tap_eventexport.type_of('text') ~ ')') -}}
{% endmacro %}

{% macro duckdb__to_text(expression, from_kind) %}
    {%- if from_kind == 'json' -%}
        {{- return("json_extract_string(" ~ expression ~ ", '$')") -}}
    {%- elif from_kind == 'nested' -%}
        {{- return('cast(to_json(' ~ expression ~ ') as varchar)') -}}
    {%- endif -%}
    {{- return(tap_eventexport.default__to_text(expression, from_kind)) -}}
{% endmacro %}

{% macro postgres__to_text(expression, from_kind) %}
    {%- if from_kind == 'json' -%}
        {{- return('cast(' ~ expression ~ " as jsonb) #>> '{}'") -}}
    {%- elif from_kind == 'nested' -%}
        {{- return('cast(to_jsonb(' ~ expression ~ ') as text)') -}}
    {%- endif -%}
    {{- return(tap_eventexport.default__to_text(expression, from_kind)) -}}
{% endmacro %}

{% macro bigquery__to_text(expression, from_kind) %}
    {%- if from_kind == 'json' -%}
        {{- return(
            'coalesce(json_value(' ~ expression ~ "), nullif(to_json_string(" ~ expression ~ "), 'null'))"
        ) -}}
    {%- elif from_kind == 'nested' -%}
        {{- return('to_json_string(' ~ expression ~ ')') -}}
    {%- endif -%}
    {{- return(tap_eventexport.default__to_text(expression, from_kind)) -}}
{% endmacro %}
