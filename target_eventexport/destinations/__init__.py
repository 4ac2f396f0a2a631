"""Where rows go: PostgreSQL, a DuckDB file, or Parquet files in a folder or an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_eventexport.errors import LoadError

if TYPE_CHECKING:
    from target_eventexport.table import Destination

EXPECTED = (
    "destination: expected postgresql://user:password@host/database, duckdb:///events.duckdb, "
    "parquet:///folder or s3://bucket/prefix"
)
EXTRAS = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "duckdb": "duckdb",
    "parquet": "parquet",
    "s3": "parquet",
}
FILES = {"duckdb", "parquet"}


def parsed(address: str) -> tuple[str, str]:
    """Return the scheme of an address, and what follows its `://`.

    Raises:
        LoadError: If it isn't the address of a destination.
    """
    if "your-user:your-password@" in address:
        raise LoadError("destination: still has the placeholder of .secrets.example; replace it")
    scheme, _, rest = address.partition("://")
    scheme = scheme.partition("+")[0].lower()
    is_path = rest.startswith("/") and rest != "/"
    if scheme not in EXTRAS or (scheme in FILES and not is_path):
        raise LoadError(EXPECTED)
    return scheme, rest


def open_destination(address: str, schema: str | None) -> Destination:
    """Open a destination.

    Args:
        address: Its address, as SQLAlchemy writes them: three slashes before a relative path, four
            before an absolute one.
        schema: The schema of its tables; None for the one that the destination takes by itself.

    Raises:
        LoadError: If it can't be used.
    """
    scheme, rest = parsed(address)
    try:
        return _open(scheme, rest, schema)
    except ModuleNotFoundError as error:
        raise LoadError(
            f"destination: {scheme}:// needs the package {error.name}: "
            f"pip install 'tap-eventexport[{EXTRAS[scheme]}]' "
            f"(with Meltano, pip_url: tap-eventexport[{EXTRAS[scheme]}]@git+…, without blanks)"
        ) from None


def _open(scheme: str, rest: str, schema: str | None) -> Destination:
    if scheme in {"postgresql", "postgres"}:
        from target_eventexport.destinations.postgres import Postgres  # noqa: PLC0415

        return Postgres(f"postgresql://{rest}", schema)
    if scheme == "s3":
        from target_eventexport.destinations.bucket import Bucket  # noqa: PLC0415

        return Bucket(rest, schema)
    if scheme == "duckdb":
        from target_eventexport.destinations.duckdb import DuckDb  # noqa: PLC0415

        return DuckDb(rest[1:], schema)
    from target_eventexport.destinations.parquet import Folder  # noqa: PLC0415

    return Folder(rest[1:], schema)
