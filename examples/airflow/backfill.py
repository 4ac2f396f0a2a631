"""Backfills in Airflow 3.3: a run is a day of Asia/Seoul, read with a STATE of its own."""

from datetime import UTC, datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

with DAG(
    dag_id="events_backfill",
    # Days as Dfinery and Naver Cloud count them, so that none is asked for by two runs.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="Asia/Seoul"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
):
    BashOperator(
        task_id="el",
        bash_command="meltano el tap-eventexport target-postgres --state-id="
        "backfill-{{ data_interval_start.in_timezone('Asia/Seoul') | ds }}",
        cwd="/srv/events",
        append_env=True,
        env={
            "TAP_EVENTEXPORT_START_DATE": "{{ data_interval_start | ts }}",
            "TAP_EVENTEXPORT_END_DATE": "{{ data_interval_end | ts }}",
            "TAP_EVENTEXPORT_CONCURRENCY": "2",  # requests per vendor and run
            "TAP_EVENTEXPORT_CROCT_API_KEY": "{{ var.value.croct_api_key }}",
            "TARGET_POSTGRES_PASSWORD": "{{ var.value.postgres_password }}",
        },
        max_active_tis_per_dag=2,  # runs at once, in backfills too; max_active_runs isn't theirs
    )
