{#-
    What an incremental model reads again. Late and changed records come with the last days of
    their stream, by its replication key, so these days are read again: of each stream and schema
    on its own, since one account may be read later than another. A model has, for each of its
    streams, a column with the day of the replication key in UTC, and `built_on`, the day of the
    build: a record that says to come from the future doesn't move on what is read.
-#}

{#-
    Whether a model goes on from what was built before, and what that is. Unit tests override both:
    with dbt's own `this`, they would need the model's table.
-#}
{% macro goes_on() %}
    {{- return(is_incremental()) -}}
{% endmacro %}

{% macro before() %}
    {{- return(this) -}}
{% endmacro %}

{#- Today in UTC, by the clock of the build. -#}
{% macro built_on() %}
    {{- return("cast('" ~ run_started_at.strftime('%Y-%m-%d') ~ "' as date)") -}}
{% endmacro %}

{#- The day of an instant in UTC. -#}
{% macro utc_date(instant) %}
    {{- return(adapter.dispatch('business_date', 'tap_eventexport')(instant, 'UTC')) -}}
{% endmacro %}

{#-
    The first day to read again, as a list of [schema, day as text].

    day: The model's column with the day of the replication key.
    condition: Which rows of the model are of the stream.
-#}
{% macro first_days(day, condition) %}
    {%- set days = [] -%}
    {%- if execute -%}
        {%- set lookback = modules.datetime.timedelta(days=var('tap_eventexport_lookback_days', 3) | int) -%}
        {%- set newest -%}
            select source_schema, max(least({{ day }}, built_on)) as newest
            from {{ this }}
            where {{ day }} is not null and {{ condition }}
            group by source_schema
        {%- endset -%}
        {%- for schema, newest_day in run_query(newest).rows -%}
            {%- set read = modules.datetime.date.fromisoformat((newest_day | string)[:10]) - lookback -%}
            {%- do days.append([schema, read.isoformat()]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(days) -}}
{% endmacro %}

{#-
    The condition that a row of a staging model must be read: it is of the days that are read
    again, or of a schema that is new here, or the model is built as a whole.

    key: The row's replication key, or its day.
    day, condition: As above.
    kind: Whether the key is an `instant` or a `date`.
-#}
{% macro is_read(key, day='replicated_on', condition='1 = 1', kind='instant') %}
    {%- if not tap_eventexport.goes_on() -%}
        {{- return('1 = 1') -}}
    {%- endif -%}
    {%- set choices, known = [], [] -%}
    {%- for schema, first in tap_eventexport.first_days(day, condition) -%}
        {%- do known.append(tap_eventexport.quoted_text(schema)) -%}
        {%- do choices.append(tap_eventexport.is_since(key, schema, first, kind)) -%}
    {%- endfor -%}
    {%- do choices.append('source_schema not in (' ~ known | join(', ') ~ ')' if known else '1 = 1') -%}
    {{- return('(' ~ choices | join(' or ') ~ ')') -}}
{% endmacro %}

{#- The condition that a row of the model itself is of the days that are read again. -#}
{% macro is_read_again(day='replicated_on', condition='1 = 1') %}
    {%- set choices = ['1 = 0'] -%}
    {%- for schema, first in tap_eventexport.first_days(day, condition) -%}
        {%- do choices.append('(' ~ condition ~ ' and ' ~ tap_eventexport.is_since(day, schema, first, 'date') ~ ')') -%}
    {%- endfor -%}
    {{- return('(' ~ choices | join(' or ') ~ ')') -}}
{% endmacro %}

{% macro is_since(key, schema, first, kind) %}
    {%- set from = first ~ 'T00:00:00+00:00' if kind == 'instant' else first -%}
    {{- return(
        '(source_schema = ' ~ tap_eventexport.quoted_text(schema) ~ ' and ' ~ key
        ~ " >= cast('" ~ from ~ "' as " ~ tap_eventexport.type_of(kind) ~ '))'
    ) -}}
{% endmacro %}

{% macro quoted_text(text) %}
    {{- return(dbt.string_literal(dbt.escape_single_quotes(text))) -}}
{% endmacro %}

{#-
    Forgets the rows of the days that are read again, before they are: records that are no more,
    or that went elsewhere, are gone then.

    streams: The streams of the model, which column `stream` tells.
-#}
{% macro forget_read_again(streams) %}
    {%- if tap_eventexport.goes_on() -%}
        {%- set choices = [] -%}
        {%- for stream in streams -%}
            {%- do choices.append(tap_eventexport.is_read_again(condition="stream = '" ~ stream ~ "'")) -%}
        {%- endfor -%}
        delete from {{ this }} where {{ choices | join(' or ') }}
    {%- endif -%}
{% endmacro %}
