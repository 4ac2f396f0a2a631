"""A warehouse that SQLAlchemy reaches."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from tap_eventexport.audit.tables import Table, Warehouse, WarehouseError, matching, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL, Engine, Inspector
    from sqlalchemy.sql import Delete, Select

    from tap_eventexport.audit.scope import Scope

BATCH = 10_000  # rows that are fetched at once
PACKAGES = {
    "postgresql": "'tap-eventexport[audit]'",
    "postgres": "'tap-eventexport[audit]'",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift redshift-connector",
    "mysql": "mysqlclient",
    "mariadb": "mariadb",
}
REFUSED = {"42501", "28000", "28P01"}  # PostgreSQL's codes for what a user may not do


class Database(Warehouse):
    """A database.

    Args:
        url: Its address.
        schema: The schema with the tables; None for the usual one.

    Raises:
        WarehouseError: If it can't be reached.
    """

    is_of_files = False

    def __init__(self, url: URL, schema: str | None) -> None:
        self._url = url.render_as_string(hide_password=True)
        self._schema = schema
        self._engine = _engine(url)
        self.dialect = self._engine.dialect.name
        with self._errors(f"{self._url} can't be reached"), self._engine.connect():
            pass

    def table(self, scope: Scope) -> Table | None:
        """Find the table or view of a stream."""
        with self._errors(f"{self._url} can't be read"):
            inspector = inspect(self._engine)  # a new one: a repair may make tables
            name = matching(scope.name, _names(inspector, self._schema))
            if name is None:
                self._check_schema(inspector, scope.name)
                return None
            columns = inspector.get_columns(name, self._schema)
            uniques = [
                inspector.get_pk_constraint(name, self._schema)["constrained_columns"],
                *(
                    unique["column_names"]
                    for unique in inspector.get_unique_constraints(name, self._schema)
                ),
            ]
        types = {each["name"]: each["type"] for each in columns}
        return table_of(scope, name, types, self._schema, uniques=uniques)

    def _check_schema(self, inspector: Inspector, name: str) -> None:
        """Check that the table isn't in another schema, if the user gave none."""
        if self._schema is not None:
            return
        usual = inspector.default_schema_name
        schemas = (each for each in inspector.get_schema_names() if each != usual)
        others = [each for each in schemas if matching(name, _names(inspector, each))]
        if others:
            raise WarehouseError(
                f"{name}: there is no table in schema {usual}, but in {', '.join(others)}: give "
                "--schema"
            )

    def rows(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        """Yield the rows of a statement, from a cursor of the server where it has any."""
        with self._errors("the warehouse refused a query"), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(postgresql_readonly=True)
            yield from connection.execution_options(yield_per=BATCH).execute(statement)

    def delete(self, statement: Delete) -> int:
        """Delete rows in a transaction of their own."""
        with self._errors("the warehouse refused to delete"), self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            said = " ".join(f"{error.orig}".split())
            hint = ""
            if getattr(error.orig, "sqlstate", None) in REFUSED and "reached" not in what:
                hint = f": grant SELECT to {self._engine.url.username}, or give another user"
            elif error.connection_invalidated or "reached" in what:
                hint = ": check --warehouse"
            raise WarehouseError(f"{what}: {said}{hint}") from None
        except SQLAlchemyError as error:
            raise WarehouseError(f"{what}: {' '.join(f'{error}'.split())}") from None


def _names(inspector: Inspector, schema: str | None) -> list[str]:
    return [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]


def _engine(url: URL) -> Engine:
    if url.drivername in {"postgresql", "postgres"} and find_spec("psycopg"):
        url = url.set(drivername="postgresql+psycopg")
    kind = url.drivername.partition("+")[0]
    try:
        return create_engine(url)
    except (ImportError, NoSuchModuleError) as error:
        package = PACKAGES.get(kind)
        hint = f"pip install {package}" if package else "install its dialect of SQLAlchemy"
        raise WarehouseError(
            f"--warehouse: {kind}:// needs a driver that isn't installed ({error}): {hint}"
        ) from None
    except (SQLAlchemyError, ValueError, TypeError) as error:
        raise WarehouseError(f"--warehouse: {' '.join(f'{error}'.split())}") from None
