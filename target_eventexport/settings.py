"""The settings of `target-eventexport`."""

from __future__ import annotations

from singer_sdk import typing as th

BATCH_ROWS = 50_000
BATCH_SECONDS = 60

SCHEMA = th.PropertiesList(
    th.Property(
        "destination",
        th.StringType,
        required=True,
        secret=True,
        title="Destination",
        description=(
            "Where the tables are: postgresql://user:password@host/database, "
            "duckdb:///events.duckdb, parquet:///folder or s3://bucket/prefix. Three slashes come "
            "before a relative path, four before an absolute one"
        ),
    ),
    th.Property(
        "schema",
        th.StringType,
        title="Schema",
        description=(
            "Schema of the tables, made if it isn't there; without it, the database's own. "
            "Of Parquet files, a folder in the destination"
        ),
    ),
    th.Property(
        "batch_rows",
        th.IntegerType(minimum=1, maximum=1_000_000),
        default=BATCH_ROWS,
        title="Rows of a batch",
        description="How many records one transaction has at most; 12 MiB end one earlier",
    ),
    th.Property(
        "batch_seconds",
        th.NumberType(minimum=0, maximum=86_400),
        default=BATCH_SECONDS,
        title="Seconds of a batch",
        description="How long a record waits at most for its transaction",
    ),
    th.Property(
        "metadata_columns",
        th.BooleanType,
        default=False,
        title="Metadata columns",
        description="Whether rows get the columns _sdc_extracted_at, _sdc_received_at, …",
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=False,
        title="Hard delete",
        description=(
            "Whether a tap's ACTIVATE_VERSION deletes rows that it has not sent again. Rows get "
            "the column _sdc_table_version for that"
        ),
    ),
    th.Property(
        "validate_records",
        th.BooleanType,
        default=True,
        title="Validate records",
        description=(
            "Whether nested values are checked, too, where SCHEMA describes them; the types of "
            "columns always are"
        ),
    ),
).to_dict()
