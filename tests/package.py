"""The package as its users get it: what is in it, what it brings along, and whether it starts.

This needs the standard library alone, since it looks at other environments than its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = "tap-eventexport"
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
LOADER = "target-eventexport"
PACKAGES = ("tap_eventexport", "target_eventexport")
NEEDED = (
    *(f"{package}/{file}" for package in PACKAGES for file in ("py.typed", "command.py")),
    ".dist-info/licenses/LICENSE",
)
CONFIGURED = {"croct_api_key": "made-up", "happytalk_token": "made-up"}
STREAMS = [
    *("happytalk_service_history", "happytalk_siem_events"),
    *("croct_events", "croct_sessions", "croct_users"),
]
OWN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

# Prints, of the environment that runs it, each distribution's name and bytes, but for pip's own.
INSTALLED = """
import json
from importlib.metadata import distributions
sizes = {}
for found in distributions():
    if found.name not in ("pip", "setuptools"):
        files = [found.locate_file(file) for file in found.files or ()]
        sizes[found.name] = sum(file.stat().st_size for file in files if file.exists())
print(json.dumps(sizes))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation brought.

    Attributes:
        sizes: Bytes of each distribution, by its name.
    """

    python: str
    seconds: float
    sizes: dict[str, int]


def run(*command: str | Path, **environment: str) -> str:
    """Run a command, which must succeed; its output."""
    done = subprocess.run(
        command,
        env={**OWN, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_contents(wheel: Path, sdist: Path) -> None:
    """The wheel holds the packages alone, the sdist what is under version control."""
    inside = zipfile.ZipFile(wheel).namelist()
    foreign = [name for name in inside if not name.startswith(PACKAGES)]
    missing = [name for name in NEEDED if not any(each.endswith(name) for each in inside)]
    if foreign or missing:
        raise SystemExit(f"{wheel.name} has {foreign} and lacks {missing}")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    unknown = packed - {"", "PKG-INFO"} - set(run("git", "ls-files").splitlines())
    if unknown:
        raise SystemExit(f"{sdist.name} has files that are not under version control: {unknown}")
    print(f"{wheel.name}: {len(inside)} files, {wheel.stat().st_size / 1024:.0f} KiB")
    print(f"{sdist.name}: {len(packed)} files, {sdist.stat().st_size / 1024:.0f} KiB")


def works(python: str) -> bool:
    """Whether an interpreter is there and is more than a name."""
    if not shutil.which(python):
        return False
    return not subprocess.run([python, "-V"], capture_output=True, check=False).returncode


def install(python: str, wheel: Path, folder: Path) -> Installed:
    """Install the wheel into a clean environment and start it."""
    run(python, "-m", "venv", folder)
    programs = folder / "bin"
    began = time.monotonic()
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    seconds = time.monotonic() - began
    run(programs / "python", "-m", "pip", "check")
    for command in (COMMAND, LOADER):
        run(programs / command, "--version")
        about: dict[str, Any] = json.loads(run(programs / command, "--about", "--format=json"))
        if about["name"] != command:
            raise SystemExit(f"--about says {about['name']}")
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIGURED))
    catalog = json.loads(run(programs / COMMAND, "--config", config, "--discover"))
    found = [stream["tap_stream_id"] for stream in catalog["streams"]]
    if sorted(found) != sorted(STREAMS):
        raise SystemExit(f"--discover says {found}")
    sizes: dict[str, int] = json.loads(run(programs / "python", "-I", "-c", INSTALLED))
    version = run(programs / "python", "-c", "import sys; print(sys.version.split()[0])").strip()
    return Installed(f"{version} ({python})", seconds, sizes)


def try_runners(wheel: Path, folder: Path) -> None:
    """Start the command by what installs commands for a moment."""
    if shutil.which("pipx"):
        homes = {"PIPX_HOME": f"{folder}/pipx", "PIPX_BIN_DIR": f"{folder}/pipx/bin"}
        said = run("pipx", "run", "--spec", wheel, COMMAND, "--version", **homes)
        print("pipx run:", said.strip())
    if shutil.which("uv"):
        said = run("uv", "tool", "run", "--isolated", "--from", wheel, COMMAND, "--version")
        print("uv tool run:", said.strip())


def show(installed: list[Installed]) -> None:
    """Show what was installed."""
    print(f"\n{'Python':<40}{'seconds':>8}{'packages':>10}{'MiB':>7}")
    for each in installed:
        mebibytes = sum(each.sizes.values()) / 2**20
        print(f"{each.python:<40}{each.seconds:>8.1f}{len(each.sizes):>10}{mebibytes:>7.1f}")
    print("\nMiB of each, with the last Python:")
    sizes = installed[-1].sizes
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        print(f"  {sizes[name] / 2**20:5.1f}  {name}")


def main() -> None:
    """Check what was built into the folder that the first argument names."""
    built, named = Path(sys.argv[1]).absolute(), sys.argv[2:]
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    check_contents(wheel, sdist)
    pythons = named or [python for python in PYTHONS if works(python)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = [
            install(python, wheel, folder / str(number)) for number, python in enumerate(pythons)
        ]
        try_runners(wheel, folder)
    show(installed)


if __name__ == "__main__":
    main()
