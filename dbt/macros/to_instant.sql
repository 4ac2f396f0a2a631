{#- Expressions of any kind as an instant. A time without a zone is in UTC, and so is a text without an offset. -#}
{% macro has_offset() %}
    {{- return("[0-9]:[0-9][0-9].*(Z|z|[+-][0-9][0-9](:?[0-9][0-9])?)$") -}}
{% endmacro %}

{% macro duckdb__to_instant(expression, from_kind) %}
    {%- if from_kind != 'text' -%}
        {{- return("cast(" ~ expression ~ " as timestamp) at time zone 'UTC'") -}}
    {%- endif -%}
    {{- return(
        "case when regexp_matches(" ~ expression ~ ", '" ~ tap_eventexport.has_offset() ~ "')"
        ~ " then cast(" ~ expression ~ " as timestamptz)"
        ~ " else cast(nullif(" ~ expression ~ ", '') as timestamp) at time zone 'UTC' end"
    ) -}}
{% endmacro %}

{% macro postgres__to_instant(expression, from_kind) %}
    {%- if from_kind != 'text' -%}
        {{- return("cast(" ~ expression ~ " as timestamp) at time zone 'UTC'") -}}
    {%- endif -%}
    {{- return(
        "case when " ~ expression ~ " ~ '" ~ tap_eventexport.has_offset() ~ "'"
        ~ " then cast(" ~ expression ~ " as timestamptz)"
        ~ " else cast(nullif(" ~ expression ~ ", '') as timestamp) at time zone 'UTC' end"
    ) -}}
{% endmacro %}

{% macro bigquery__to_instant(expression, from_kind) %}
    {%- if from_kind == 'text' -%}
        {{- return("cast(nullif(" ~ expression ~ ", '') as timestamp)") -}}
    {%- endif -%}
    {{- return("timestamp(" ~ expression ~ ", 'UTC')") -}}
{% endmacro %}

{#- Snowflake reads an offset of digits, right behind the time. -#}
{% macro snowflake__to_instant(expression, from_kind) %}
    {%- if from_kind != 'text' -%}
        {{- return(
            "to_timestamp_tz(to_char(cast(" ~ expression ~ " as timestamp_ntz), 'YYYY-MM-DD HH24:MI:SS.FF9') || '+00:00')"
        ) -}}
    {%- endif -%}
    {{- return(
        "case when regexp_like(" ~ expression ~ ", '.*" ~ tap_eventexport.has_offset() ~ "')"
        ~ " then to_timestamp_tz(regexp_replace(" ~ expression ~ ", '[Zz]$', '+00:00'))"
        ~ " else to_timestamp_tz(nullif(" ~ expression ~ ", '') || '+00:00') end"
    ) -}}
{% endmacro %}
