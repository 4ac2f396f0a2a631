{#-
    As dbt's `relationships`: each value is in a column of another model. It passes if nothing of
    that was loaded, such as users, who are personal data and so are read only if they are wanted.
-#}
{% test known_if_loaded(model, column_name, to, field) %}

with unknown as (
    select child.{{ column_name }}
    from {{ model }} as child
    left join {{ to }} as parent
        on child.source_schema = parent.source_schema and child.{{ column_name }} = parent.{{ field }}
    where child.{{ column_name }} is not null and parent.{{ field }} is null
)

select *
from unknown
where exists (select 1 from {{ to }})

{% endtest %}
