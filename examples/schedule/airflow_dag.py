"""Hourly in Airflow 3.3: `meltano run` in the project's folder, on a worker that has Meltano."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="events",
    schedule="17 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # STATE knows what is missing; one run reads all of it
    max_active_runs=1,  # runs of one tap must not overlap
):
    BashOperator(
        task_id="run",
        # A task that is stopped gets SIGTERM, which is safe: the next run goes on from STATE.
        bash_command="meltano run tap-eventexport target-postgres",
        cwd="/srv/events",
        retries=3,
        retry_delay=timedelta(minutes=5),
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(hours=1),
    )
