"""A PostgreSQL of its own, from the system's package, for one test or one measurement."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"
FAST = "-c fsync=off -c full_page_writes=off"  # but what it has confirmed survives its own crash


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server on loopback that trusts everybody."""

    programs: Path
    port: int

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of target-postgres, but for the schema."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "password": "any",
            "database": USER,
        }

    def wait(self) -> None:
        """Wait until the server takes connections, as after a crash."""
        program = shutil.which("pg_isready") or str(self.programs / "pg_isready")
        command = [program, "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(command, check=False).returncode:
            pass

    def ask(self, query: str) -> list[list[str]]:
        """The rows of a query, as texts."""
        program = shutil.which("psql") or str(self.programs / "psql")
        psql = [program, "-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        done = subprocess.run(
            [*psql, "-v", "ON_ERROR_STOP=1", "-qAtF\t", "-c", query],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.split("\n")[:-1]]


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None where it isn't installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextmanager
def postgres(binaries: Path, timezone: str = "UTC") -> Iterator[Postgres]:
    """Start a server with a time zone; it and its data are gone at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = USER if os.getuid() == 0 else None  # it refuses to be root
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, USER)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [binaries / program, "-D", f"{folder}/data", *arguments],
                user=user,
                extra_groups=[] if user else None,
                check=True,
                stdout=subprocess.DEVNULL,
                cwd=folder,
            )

        run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        where = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        run(
            "pg_ctl",
            "-w",
            "-o",
            f"{where} {FAST} -c timezone={timezone}",
            "-l",
            f"{folder}/log",
            "start",
        )
        try:
            yield Postgres(binaries, port)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
