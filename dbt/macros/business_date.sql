{#- The day of an instant, in the time zone of the variable tap_eventexport_timezone. -#}
{% macro business_date(instant) %}
    {{- return(adapter.dispatch('business_date', 'tap_eventexport')(
        instant, var('tap_eventexport_timezone', 'UTC')
    )) -}}
{% endmacro %}

{% macro default__business_date(instant, zone) %}
    {{- return('cast(' ~ instant ~ " at time zone '" ~ zone ~ "' as date)") -}}
{% endmacro %}

{% macro bigquery__business_date(instant, zone) %}
    {{- return('date(' ~ instant ~ ", '" ~ zone ~ "')") -}}
{% endmacro %}

{% macro snowflake__business_date(instant, zone) %}
    {{- return("cast(convert_timezone('" ~ zone ~ "', " ~ instant ~ ') as date)') -}}
{% endmacro %}
