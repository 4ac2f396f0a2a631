"""The environment of the tests: made, not inherited.

What a machine has set reaches no test, and no process that a test starts, but for what programs
need to run at all. What installs packages is told of the machine's index and network, too.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

KEPT = (  # how the names of variables begin
    "PATH",
    "USER",
    "LOGNAME",
    "LD_LIBRARY_PATH",
    "PYTHONTZPATH",
    "COVERAGE_PROCESS_",
    "PYTEST_",
)
MADE = {
    "LANG": "C.UTF-8",
    "TZ": "NPT-5:45",  # no vendor's zone and not UTC: nothing may depend on the machine's
    "AWS_EC2_METADATA_DISABLED": "true",  # the machine's own keys are not the tests'
}
SET_BY_READLINE = ("COLUMNS", "LINES")  # behind Python's back, at a terminal

INSTALLING = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
INSTALLERS = ("pip", "uv")  # whose configuration and cache in a home are used
LOOPBACK = "127.0.0.1,localhost"

_machine: dict[str, str] = {}


def make(home: Path) -> None:
    """Make the environment of this process.

    Args:
        home: An empty folder that is to be HOME.
    """
    _machine.update(os.environ)
    _link_installers(home)
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    os.environ.clear()
    os.environ.update(kept | MADE | {"HOME": str(home)})
    for name in SET_BY_READLINE:
        os.unsetenv(name)
    time.tzset()
    tempfile.tempdir = None


def _link_installers(home: Path) -> None:
    own = Path.home()
    for variable, folder in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
        (home / folder).mkdir()
        for name in INSTALLERS:
            found = Path(_machine.get(variable) or own / folder, name)
            if found.exists():
                (home / folder / name).symlink_to(found)


def for_installing() -> dict[str, str]:
    """The variables of the machine that lead to packages; what is on loopback needs no proxy."""
    found = {
        name: value
        for name, value in _machine.items()
        if name.startswith(INSTALLING) or name.lower().endswith("_proxy")
    }
    without = [value for name in ("NO_PROXY", "no_proxy") if (value := found.get(name))]
    exempt = ",".join([*without, LOOPBACK])
    return {**found, "NO_PROXY": exempt, "no_proxy": exempt}
