{#-
    A kind is what a column holds, in the same words for every warehouse:
    text, instant (a time with a zone), naive (a time without one, taken as UTC), date, number,
    integer, boolean, json, nested (a struct, a map, an array, and PostgreSQL's json, which is no jsonb), unknown.
-#}

{#- The type of this warehouse for a kind. -#}
{% macro type_of(kind) %}
    {{- return(adapter.dispatch('type_of', 'tap_eventexport')(kind)) -}}
{% endmacro %}

{% macro duckdb__type_of(kind) %}
    {{- return({
        'text': 'varchar',
        'instant': 'timestamptz',
        'date': 'date',
        'number': 'double',
        'integer': 'bigint',
        'boolean': 'boolean',
        'json': 'json',
    }[kind]) -}}
{% endmacro %}

{% macro postgres__type_of(kind) %}
    {{- return({
        'text': 'text',
        'instant': 'timestamptz',
        'date': 'date',
        'number': 'double precision',
        'integer': 'bigint',
        'boolean': 'boolean',
        'json': 'jsonb',
    }[kind]) -}}
{% endmacro %}

{% macro bigquery__type_of(kind) %}
    {{- return({
        'text': 'string',
        'instant': 'timestamp',
        'date': 'date',
        'number': 'float64',
        'integer': 'int64',
        'boolean': 'bool',
        'json': 'json',
    }[kind]) -}}
{% endmacro %}

{% macro snowflake__type_of(kind) %}
    {{- return({
        'text': 'varchar',
        'instant': 'timestamp_tz',
        'date': 'date',
        'number': 'double',
        'integer': 'bigint',
        'boolean': 'boolean',
        'json': 'variant',
    }[kind]) -}}
{% endmacro %}

{#- The kind of a column, by the type that the warehouse says it has. -#}
{% macro kind_of(type) %}
    {%- set type = type | lower -%}
    {%- if 'struct' in type or 'array' in type or type.endswith('[]')
        or type.startswith(('map', 'record')) or type == 'object'
        or (type == 'json' and target.type == 'postgres') -%}
        {{- return('nested') -}}
    {%- elif type in ('json', 'jsonb', 'variant') -%}
        {{- return('json') -}}
    {%- elif 'with time zone' in type or type.startswith(('timestamptz', 'timestamp_tz', 'timestamp_ltz'))
        or (type == 'timestamp' and target.type == 'bigquery') -%}
        {{- return('instant') -}}
    {%- elif type.startswith(('timestamp', 'datetime')) -%}
        {{- return('naive') -}}
    {%- elif type == 'date' -%}
        {{- return('date') -}}
    {%- elif type.startswith('bool') -%}
        {{- return('boolean') -}}
    {%- elif 'char' in type or type in ('text', 'string') -%}
        {{- return('text') -}}
    {%- elif type.startswith(('int', 'bigint', 'smallint', 'tinyint', 'uint', 'ubigint')) and type != 'interval' -%}
        {{- return('integer') -}}
    {%- elif type.startswith(('num', 'dec', 'double', 'float', 'real', 'hugeint', 'bignumeric')) -%}
        {{- return('number') -}}
    {%- else -%}
        {{- return('unknown') -}}
    {%- endif -%}
{% endmacro %}

{#-
    An expression of one kind as another kind. An empty text is null, but as a text. A text that
    is no time, number or JSON is an error of the warehouse.
-#}
{% macro convert(expression, from_kind, to_kind) %}
    {%- if from_kind == to_kind -%}
        {{- return(expression) -}}
    {%- elif from_kind == 'json' and to_kind != 'text' -%}
        {{- return(tap_eventexport.convert(tap_eventexport.convert(expression, 'json', 'text'), 'text', to_kind)) -}}
    {%- elif to_kind == 'instant' -%}
        {{- return(adapter.dispatch('to_instant', 'tap_eventexport')(expression, from_kind)) -}}
    {%- elif to_kind == 'json' -%}
        {{- return(adapter.dispatch('to_json', 'tap_eventexport')(expression, from_kind)) -}}
    {%- elif to_kind == 'text' -%}
        {{- return(adapter.dispatch('to_text', 'tap_eventexport')(expression, from_kind)) -}}
    {%- else -%}
        {%- set value = "nullif(" ~ expression ~ ", '')" if from_kind == 'text' else expression -%}
        {{- return('cast(' ~ value ~ ' as ' ~ tap_eventexport.type_of(to_kind) ~ ')') -}}
    {%- endif -%}
{% endmacro %}
