"""Prints what CHANGELOG.md says of a version, for its release.

`python -m docs.release_notes v0.2.0` fails if the tag is not that of the version in pyproject.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


class NoReleaseError(Exception):
    """A tag that is no release."""


def version() -> str:
    """Return the version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def notes(tag: str) -> str:
    """Return the changes of a version, without their heading.

    Args:
        tag: The tag of the release, such as v0.2.0.

    Raises:
        NoReleaseError: If the tag isn't that of the version, or nothing changed in it.
    """
    if tag != f"v{version()}":
        raise NoReleaseError(f"the tag is {tag}, but pyproject.toml has version {version()}")
    text = (ROOT / "CHANGELOG.md").read_text()
    heading = re.compile(rf"^## \[{re.escape(version())}\] - \d{{4}}-\d\d-\d\d$", re.MULTILINE)
    found = heading.search(text)
    if not found:
        raise NoReleaseError(f"CHANGELOG.md has no heading ## [{version()}] with its date")
    changes = text[found.end() :].partition("\n## ")[0].strip()
    if not changes:
        raise NoReleaseError(f"CHANGELOG.md has no changes below {found[0]}")
    return f"{changes}\n"


def main() -> None:
    """Print the notes, or end with one line."""
    try:
        sys.stdout.write(notes(*sys.argv[1:]))
    except NoReleaseError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
