"""Nightly in Airflow 3.3: fails if last week's events are not all in the warehouse."""

from datetime import UTC, datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="audit",
    schedule="41 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # each audit looks at a week
    max_active_runs=1,
):
    BashOperator(
        task_id="audit",
        # The folder's .env has the tap's settings and EVENTEXPORT_WAREHOUSE.
        bash_command=(
            "tap-eventexport-audit --config=ENV --warehouse=ENV --schema events"
            " --start {{ macros.ds_add(ds, -7) }} --end {{ ds }}"
        ),
        cwd="/srv/events",
    )
