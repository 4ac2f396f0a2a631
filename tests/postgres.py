"""A PostgreSQL of its own for one measurement, from the system's package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"
FAST = "-c fsync=off -c synchronous_commit=off"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None where PostgreSQL isn't installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextmanager
def postgres(binaries: Path) -> Iterator[int]:
    """Start a server on loopback; its port. Everybody is trusted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    as_user = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []  # it refuses to be root
    with tempfile.TemporaryDirectory() as folder:
        if as_user:
            shutil.chown(folder, USER)
        data = f"{folder}/data"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp {FAST}"
        control = [*as_user, str(binaries / "pg_ctl"), "-D", data, "-w"]
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
        initdb = [*as_user, str(binaries / "initdb"), "-D", data, "-U", USER]
        subprocess.run([*initdb, "-A", "trust", "--no-sync"], **quiet)  # noqa: S603, PLW1510
        started = [*control, "-o", options, "-l", f"{folder}/log", "start"]
        subprocess.run(started, **quiet)  # noqa: S603, PLW1510
        try:
            yield port
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # noqa: S603, PLW1510
