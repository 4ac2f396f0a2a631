"""Backfills in Dagster 1.13: a partition is a day of Asia/Seoul, read with a STATE of its own."""

import dagster as dg

# Days as Dfinery and Naver Cloud count them, so that none is asked for by two runs.
DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="Asia/Seoul")


class Secrets(dg.ConfigurableResource):
    """What isn't in the `.env` of the Meltano project."""

    croct_api_key: str
    postgres_password: str


@dg.asset(partitions_def=DAYS, pool="vendors")
def events(
    context: dg.AssetExecutionContext, shell: dg.PipesSubprocessClient, secrets: Secrets
) -> dg.MaterializeResult:
    """All vendors' events of a day."""
    start, end = context.partition_time_window
    return shell.run(
        context=context,
        command=[
            *("meltano", "el", "tap-eventexport", "target-postgres"),
            f"--state-id=backfill-{context.partition_key}",
        ],
        cwd="/srv/events",
        env={
            "TAP_EVENTEXPORT_START_DATE": start.isoformat(),
            "TAP_EVENTEXPORT_END_DATE": end.isoformat(),
            "TAP_EVENTEXPORT_CONCURRENCY": "2",  # requests per vendor and run
            "TAP_EVENTEXPORT_CROCT_API_KEY": secrets.croct_api_key,
            "TARGET_POSTGRES_PASSWORD": secrets.postgres_password,
        },
    ).get_materialize_result()


defs = dg.Definitions(
    assets=[events],
    jobs=[dg.define_asset_job("events_backfill", selection=[events])],
    resources={
        "shell": dg.PipesSubprocessClient(),
        "secrets": Secrets(
            croct_api_key=dg.EnvVar("CROCT_API_KEY"),
            postgres_password=dg.EnvVar("POSTGRES_PASSWORD"),
        ),
    },
    executor=dg.in_process_executor,
)
