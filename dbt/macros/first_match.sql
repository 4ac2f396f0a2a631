{#- What a regular expression's first group matches in a text; null if it doesn't. -#}
{% macro first_match(text, pattern) %}
    {{- return(adapter.dispatch('first_match', 'tap_eventexport')(text, pattern)) -}}
{% endmacro %}

{% macro duckdb__first_match(text, pattern) %}
    {{- return("nullif(regexp_extract(" ~ text ~ ", '" ~ pattern ~ "', 1), '')") -}}
{% endmacro %}

{% macro postgres__first_match(text, pattern) %}
    {{- return("substring(" ~ text ~ " from '" ~ pattern ~ "')") -}}
{% endmacro %}

{% macro bigquery__first_match(text, pattern) %}
    {{- return("regexp_extract(" ~ text ~ ", r'" ~ pattern ~ "')") -}}
{% endmacro %}

{% macro snowflake__first_match(text, pattern) %}
    {{- return("regexp_substr(" ~ text ~ ", '" ~ pattern ~ "', 1, 1, 'e', 1)") -}}
{% endmacro %}
