"""Opens a warehouse by its address."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tap_eventexport.audit.database import Database
from tap_eventexport.audit.tables import WarehouseError

if TYPE_CHECKING:
    from sqlalchemy import URL

    from tap_eventexport.audit.tables import Warehouse

DUCKDB, PARQUET = "duckdb", "parquet"


def parsed(address: str) -> URL | None:
    """Parse an address; None if it is a folder.

    Raises:
        WarehouseError: If it is neither.
    """
    if "://" not in address:
        return None
    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        raise WarehouseError(
            "--warehouse: expected an address such as postgresql://user:password@host/database, or "
            "a folder"
        ) from None


def opened(address: str, schema: str | None) -> Warehouse:
    """Open a warehouse.

    Args:
        address: An address of SQLAlchemy, `duckdb:///` with a file, or a folder of files.
        schema: The schema with the tables; None for the usual one.

    Raises:
        WarehouseError: If it can't be reached.
    """
    url = parsed(address)
    if url and url.drivername not in {DUCKDB, PARQUET, "s3"}:
        return Database(url, schema)
    if url and url.drivername == "s3":
        raise WarehouseError("--warehouse: files in S3 can't be read here: copy them to a folder")
    if find_spec("duckdb") is None:
        raise WarehouseError(
            "--warehouse: files are read by DuckDB: pip install 'tap-eventexport[audit]'"
        )
    from tap_eventexport.audit.files import DuckDbFile, Folder  # noqa: PLC0415 - an extra

    if url and url.drivername == DUCKDB:
        return DuckDbFile(Path(url.database or ""), schema)
    return Folder(Path((url.database if url else address) or ""))
