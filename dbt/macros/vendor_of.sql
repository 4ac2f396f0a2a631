{#- The vendor's name, by that of its stream. -#}
{% macro vendor_of(stream) -%}
    case {{ stream }} when 'croct_events' then 'Croct' when 'dfinery_events' then 'Dfinery' end
{%- endmacro %}
