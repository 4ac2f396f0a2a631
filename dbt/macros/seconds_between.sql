{#- The seconds from one instant to another, with milliseconds. -#}
{% macro seconds_between(first, second) %}
    {{- return(adapter.dispatch('seconds_between', 'tap_eventexport')(first, second)) -}}
{% endmacro %}

{% macro duckdb__seconds_between(first, second) %}
    {{- return('((epoch_ms(' ~ second ~ ') - epoch_ms(' ~ first ~ ')) / 1000.0)') -}}
{% endmacro %}

{% macro postgres__seconds_between(first, second) %}
    {{- return('cast(extract(epoch from ' ~ second ~ ' - ' ~ first ~ ') as double precision)') -}}
{% endmacro %}

{% macro bigquery__seconds_between(first, second) %}
    {{- return('(timestamp_diff(' ~ second ~ ', ' ~ first ~ ', millisecond) / 1000)') -}}
{% endmacro %}

{% macro snowflake__seconds_between(first, second) %}
    {{- return('(datediff(millisecond, ' ~ first ~ ', ' ~ second ~ ') / 1000)') -}}
{% endmacro %}
