"""Whatever is wrong is told in one line, with the exit code that the contract names."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.target.loading import ID, SCHEMA, PostgresPlace, line, record, schema, state
from tests.target.running import COMMAND, arguments, environment, run, running

if TYPE_CHECKING:
    from tests.target.loading import DuckDbPlace, ParquetPlace, Place

MESSAGES = [SCHEMA, record(id=1, text="a"), state("a")]
PASSWORD = "s3cret"  # noqa: S105
EXPECTED = "destination: expected postgresql://user:password@host/database"


def fails(place: Place | str, folder: Path, **options: Any) -> str:
    """Run the command, which must fail with one line and no STATE; that line."""
    done = run(place, MESSAGES, folder, **options)
    assert done.code == 1, done.log
    assert done.states == []
    return done.complaint


@pytest.mark.parametrize(
    "address",
    [
        "mysql://localhost/db",
        "events.duckdb",
        "",
        "://",
        "duckdb:///",
        "duckdb://events.duckdb",
        "parquet://folder",
        "postgresql:/localhost/db",
        "http://127.0.0.1/",
    ],
)
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    assert EXPECTED in fails(address, tmp_path)


def test_no_destination(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    done = run("x", MESSAGES, tmp_path, "--config", "settings.json")
    assert done.code == 1
    for settings in ({"batch_rows": 0}, {"batch_rows": "many"}, {"batch_seconds": -1}):
        found = run("duckdb:///a.duckdb", MESSAGES, tmp_path, **settings)
        assert found.code == 1
        assert next(iter(settings)) in found.complaint


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    told = fails(f"postgresql://user:{PASSWORD}@127.0.0.1:9/db", tmp_path)
    assert "destination: the database can't be reached" in told
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://user:{PASSWORD}@127.0.0.1:port/db",
        f"postgresql://user:a/{PASSWORD}@127.0.0.1:9/db",
        f"postgresql://user:%zz{PASSWORD}@127.0.0.1:9/db",
        f"postgresql://user:a@{PASSWORD}@127.0.0.1:9/db",
        f"postgresql://user:a#{PASSWORD}?x=y@127.0.0.1:9/db",
        f"postgresql://user@127.0.0.1:9/db?password={PASSWORD}&unknown=1",
        f"mysql://user:{PASSWORD}@127.0.0.1/db",
        f"duckdb://user:{PASSWORD}@127.0.0.1/db",
        f"postgresql//user:{PASSWORD}@127.0.0.1/db",
    ],
)
def test_a_password_is_told_to_nobody(tmp_path: Path, address: str) -> None:
    for level in ("DEBUG", "INFO", "WARNING"):
        done = run(address, MESSAGES, tmp_path, variables={"LOGLEVEL": level})
        assert done.code == 1
        assert PASSWORD not in done.log + done.stdout
        assert "Traceback" not in done.log


@pytest.mark.parametrize("form", [[], ["--format", "json"], ["--format", "markdown"]])
def test_about_has_no_password(tmp_path: Path, address: str, form: list[str]) -> None:
    secret = address.replace("any@", f"{PASSWORD}@")
    variables = {"LOGLEVEL": "DEBUG", "TARGET_EVENTEXPORT_DESTINATION": secret}
    done = run(secret, [], tmp_path, "--about", *form, variables=variables)
    assert done.code == 0
    assert "destination" in done.stdout
    assert PASSWORD not in done.log + done.stdout


def test_a_load_that_works_tells_no_password(in_postgres: PostgresPlace, tmp_path: Path) -> None:
    in_postgres.address = in_postgres.address.replace("any@", f"{PASSWORD}@")
    for level in ("DEBUG", "INFO"):
        done = run(in_postgres, MESSAGES, tmp_path, variables={"LOGLEVEL": level})
        assert done.code == 0, done.log
        assert PASSWORD not in done.log + done.stdout


def test_a_database_or_user_that_is_not_there(address: str, tmp_path: Path) -> None:
    base, _, _ = address.rpartition("/")
    assert 'database "nowhere" does not exist' in fails(f"{base}/nowhere", tmp_path)
    nobody = address.replace("postgres:any", "nobody:any")
    assert 'role "nobody" does not exist' in fails(nobody, tmp_path)


@pytest.mark.parametrize("may", ["nothing", "use", "create"])
def test_rights_that_are_missing(in_postgres: PostgresPlace, tmp_path: Path, may: str) -> None:
    name = in_postgres.schema
    role = f"role_of_{name}"
    in_postgres.ask(f"create role {role} login")
    place = PostgresPlace(in_postgres.address.replace("postgres:any", f"{role}:any"), name)
    if may == "nothing":
        assert "permission denied for database" in fails(place, tmp_path)
        return
    in_postgres.ask(f"create schema {name}; grant usage on schema {name} to {role}")
    if may == "use":
        assert f"permission denied for schema {name}" in fails(place, tmp_path)
        table = in_postgres.table("events")
        in_postgres.ask(f"create table {table} (id bigint primary key, text text)")
        in_postgres.ask(f"grant select on {table} to {role}")
        assert "permission denied for table events" in fails(place, tmp_path)
        in_postgres.ask(f"grant insert, update on {table} to {role}")
    else:
        in_postgres.ask(f"grant create on schema {name} to {role}")
    done = run(place, MESSAGES, tmp_path)
    assert (done.code, done.states) == (0, ["a"]), done.log


@pytest.mark.parametrize(
    ("module", "place", "extra"),
    [
        ("psycopg", "postgresql://127.0.0.1:9/db", "postgres"),
        ("duckdb", "duckdb:///events.duckdb", "duckdb"),
        ("duckdb", "parquet:///events", "parquet"),
        ("boto3", "s3://bucket/events", "parquet"),
    ],
)
def test_a_driver_that_is_missing(tmp_path: Path, module: str, place: str, extra: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None; "
        "from target_eventexport.command import main; main()"
    )
    _, *options = arguments(place, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script, *options],
        input=b"".join(line(message) + b"\n" for message in MESSAGES),
        capture_output=True,
        env=environment(),
        check=False,
    )
    told = done.stderr.decode()
    assert done.returncode == 1
    assert told.count("\n") == 1, told
    assert f"needs the package {module}: pip install 'tap-eventexport[{extra}]'" in told


def test_an_address_as_it_stands_in_the_example(tmp_path: Path) -> None:
    example = (Path(__file__).parents[2] / ".secrets.example").read_text()
    (address,) = re.findall(r"postgresql://\S+", example)
    told = fails(address, tmp_path)
    assert "destination: still has the placeholder of .secrets.example" in told


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for address in ("duckdb:///file/events.duckdb", "parquet:///file/events"):
        told = fails(address, tmp_path)
        assert "destination: " in told
        assert "Not a directory" in told or "can't be" in told


def test_a_file_of_parquet_s_folder_s_name(in_parquet: ParquetPlace, tmp_path: Path) -> None:
    in_parquet.folder.mkdir()
    (in_parquet.folder / "events").touch()
    assert "its folder can't be made" in fails(in_parquet, tmp_path)


def test_a_file_that_is_no_database(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    in_duckdb.path.write_bytes(b"not a database\n" * 1000)
    told = fails(in_duckdb, tmp_path)
    assert "destination: the database can't be opened" in told
    assert "not a valid DuckDB database file" in told


def test_a_database_that_another_process_has_open(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    with closing(duckdb.connect(str(in_duckdb.path))):
        assert "Could not set lock on file" in fails(in_duckdb, tmp_path)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.parametrize("scheme", ["duckdb", "parquet"])
def test_a_disk_that_is_full(tmp_path: Path, scheme: str) -> None:
    noise = [os.urandom(1000).hex() for _ in range(1000)]
    messages = [SCHEMA, *(record(id=number, text=text) for number, text in enumerate(noise))]
    done = subprocess.run(
        arguments(f"{scheme}:///events", tmp_path, batch_rows=500),
        input=b"".join(line(message) + b"\n" for message in [*messages, state("a")]),
        capture_output=True,
        preexec_fn=limited,
        env=environment(),
        cwd=tmp_path,
        check=False,
    )
    told = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b""), told
    assert told.count("\n") == 1, told
    assert "can't be written" in told or "can't be made" in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_load_at_once(
    place: Place, tmp_path: Path, number: int, code: int
) -> None:
    with running(place, tmp_path, batch_seconds=0) as loader:
        for message in MESSAGES:
            loader.stdin.write(line(message) + b"\n")
        assert loader.stdout.readline() == b'"a"\n'
        loader.stdin.write(line(record(id=2)) + b"\n")
        loader.send_signal(number)
        assert loader.wait() == code
        assert loader.log.count("\n") == 1
        assert "stopped by a signal" in loader.log


def test_a_closed_stdout(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    process = subprocess.Popen(
        arguments(in_duckdb, tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    _, told = process.communicate(b"".join(line(message) + b"\n" for message in MESSAGES))
    assert process.returncode == 1, told
    assert told.count(b"\n") == 1, told
    assert b"stdout was closed" in told
    assert len(in_duckdb.read("events")) == 1


def test_a_closed_stdin(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *arguments("duckdb:///a.duckdb", tmp_path)],
        capture_output=True,
        env=environment(),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"stdin is closed" in done.stderr


def test_an_input_file(in_duckdb: DuckDbPlace, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"".join(line(message) + b"\n" for message in MESSAGES))
    done = run(in_duckdb, [], tmp_path, "--input", str(file))
    assert (done.code, done.states) == (0, ["a"]), done.log
    file.write_bytes(b"\xff\xfe{}\n")
    done = run(in_duckdb, [], tmp_path, "--input", str(file))
    assert done.code == 1
    assert done.complaint


def test_values_that_only_the_database_refuses(place: Place, tmp_path: Path) -> None:
    begin = schema({"id": ID, "at": {"type": "string", "format": "date-time"}}, "id")
    messages = [begin, record(id=1, at="2026-02-30T00:00:00Z"), state("a")]
    done = run(place, messages, tmp_path)
    assert (done.code, done.states) == (1, [])
    assert "in column at" in done.complaint
    assert "2026-02-30T00:00:00Z" in done.complaint


def test_the_command_is_there() -> None:
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("target-eventexport v")
