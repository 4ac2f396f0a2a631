"""The image of examples/docker: built, and run as an ordinary user would; its rows are counted.

What the image calls vendors is the sandbox; all else is real.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tap_eventexport.sandbox import envfile
from tap_eventexport.sandbox.command import settings, vendors
from tap_eventexport.sandbox.history import History
from tap_eventexport.sandbox.server import Sandbox
from tap_eventexport.sandbox.store import Store
from tests.new_user import KEYS, SCHEMA, in_tables
from tests.postgres import USER, postgres, programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
DOCKERFILE = "examples/docker/Dockerfile"
BASE = "docker.io/library/debian:trixie-slim"
IMAGE = "localhost/tap-eventexport-tried"
OWNER = 10001
PER_DAY = 50
DAY = timedelta(days=1)
OUTSIDE = "/run/outside"  # where a build finds what this machine needs to reach the package index


class Failure(SystemExit):
    """The image isn't as its README says."""


def run(*command: str | Path, **options: str) -> str:
    """Run a command, which must succeed; what it says."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **options},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout[-5000:]}")
    return done.stdout


class Engine(ABC):
    """What builds images and runs them."""

    @abstractmethod
    def build(self) -> None:
        """Build the image."""

    @abstractmethod
    def load(self, state: Path, environment: Mapping[str, str]) -> str:
        """Run the image once, with a folder for its state; what it says."""


class Docker(Engine):
    """The usual one, as the README of the example has it."""

    def build(self) -> None:
        """Build the image, on the base image of the registry."""
        run("docker", "build", "--file", DOCKERFILE, "--tag", IMAGE, ".")

    def load(self, state: Path, environment: Mapping[str, str]) -> str:
        """Run the image with no more rights than compose.yaml gives it."""
        narrow = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        place = ("--network=host", f"--volume={state}:/state", "--volume=/tmp")
        variables = (f"--env={name}={value}" for name, value in environment.items())
        return run("docker", "run", "--rm", *narrow, *place, *variables, IMAGE)


class Buildah(Engine):
    """Buildah on a bare Debian, where neither Docker nor a registry of images is at hand."""

    def __init__(self, folder: Path) -> None:
        self._own = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        self._folder = folder

    def build(self) -> None:
        """Make the base image, and build on it."""
        root = self._folder / "root"
        suite = BASE.rpartition(":")[2].removesuffix("-slim")
        run("debootstrap", "--variant=minbase", suite, root)
        base = self._buildah("from", "scratch").strip()
        self._buildah("copy", "--quiet", base, root, "/")
        self._buildah("commit", "--quiet", "--rm", base, BASE)
        file = ("--file", DOCKERFILE, "--ignorefile", f"{DOCKERFILE}.dockerignore")
        self._buildah("build", "--pull-never", *file, *self._certificates(), "--tag", IMAGE, ".")

    def _certificates(self) -> Iterable[str]:
        """Let pip trust whom this machine trusts."""
        trusted = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
        if trusted:
            configured = self._folder / "pip.conf"
            configured.write_text(f"[global]\ncert = {OUTSIDE}\n")
            yield f"--volume={trusted}:{OUTSIDE}:ro"
            yield f"--volume={configured}:/etc/pip.conf:ro"

    def load(self, state: Path, environment: Mapping[str, str]) -> str:
        """Run the image, without an isolation but that of its user and its files."""
        container = self._buildah("from", "--pull-never", IMAGE).strip()
        variables = (f"--env={name}={value}" for name, value in environment.items())
        try:
            return self._buildah(
                "run", f"--volume={state}:/state", *variables, container, "--", *self._entry()
            )
        finally:
            self._buildah("rm", container)

    def _entry(self) -> list[str]:
        """What the image starts, which Buildah must be told."""
        told = json.loads(self._buildah("inspect", "--type", "image", IMAGE))
        entry: list[str] = told["OCIv1"]["config"]["Entrypoint"]
        return entry

    def _buildah(self, *arguments: str | Path) -> str:
        return run("buildah", *arguments, **self._own)


def try_image(engine: Engine, folder: Path, binaries: Path) -> None:
    """Run the image twice, and compare what is in PostgreSQL with what the vendors have."""
    now = datetime.now(UTC).replace(microsecond=0)
    start, end = (now - 3 * DAY).replace(hour=0, minute=0, second=0), now - timedelta(hours=1)
    state = folder / "state"
    state.mkdir()
    state.chmod(0o777)  # as a volume, whose owner the image's user is
    with ExitStack() as stack:
        server = stack.enter_context(postgres(binaries))
        store = stack.enter_context(Store())
        history = History(PER_DAY, begin=start - 5 * DAY, end=now)
        sandbox = stack.enter_context(Sandbox(vendors(history, store)))
        chosen = {**settings(sandbox.url, store), "start_date": start.isoformat()}
        environment = {
            **envfile.environment(chosen),
            "TAP_EVENTEXPORT_END_DATE": end.isoformat(),
            "TARGET_EVENTEXPORT_DESTINATION": f"postgresql://{USER}@127.0.0.1:{server.port}/{USER}",
            "TARGET_EVENTEXPORT_SCHEMA": SCHEMA,
        }
        for turn in ("first", "second"):
            began = time.monotonic()
            said = engine.load(state, environment)
            found = 0
            for stream in KEYS:
                told = [vendor.truth(stream, start, end) for vendor in sandbox.vendors]
                had = sum(len(keys) for keys in told if keys is not None)
                held = in_tables(server, SCHEMA, stream, start, end)
                if held != had or not had:
                    raise Failure(f"{stream}: the vendor has {had}, found {held}\n{said[-5000:]}")
                found += held
            print(
                f"{turn} load: {found} rows, as the vendors have, {time.monotonic() - began:.0f} s"
            )
        if "unchanged and not sent" not in said:
            raise Failure(
                f"The second load did not begin at the first one's state:\n{said[-5000:]}"
            )
    files = {file.name: file.stat().st_uid for file in state.iterdir()}
    if files != {"state.json": OWNER}:
        raise Failure(f"/state holds {files}")


def main() -> None:
    """Build the image, run it, and tell how long that took."""
    parser = argparse.ArgumentParser(prog="bin/image", description=__doc__)
    parser.add_argument("--bare", action="store_true", help="by debootstrap and Buildah, as root")
    options = parser.parse_args()
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        engine = Buildah(folder) if options.bare else Docker()
        began = time.monotonic()
        engine.build()
        print(f"built in {time.monotonic() - began:.0f} s")
        try_image(engine, folder, binaries)
    print("passed")


if __name__ == "__main__":
    main()
