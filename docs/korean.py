"""Korean pages and the English ones that they say again, part by part.

A part is a heading, a paragraph, an item of a list, a row of a table or a block. For each English
part, tests/snapshots/korean.json has a checksum of the text that the Korean one was written from.
So a test knows which parts to revise. After that, `python -m docs.korean` takes new checksums.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CHECKSUMS = ROOT / "tests/snapshots/korean.json"
PAGES = {
    ROOT / "README.ko.md": ROOT / "README.md",
    ROOT / "docs/ko/dfinery.md": ROOT / "docs/vendors/dfinery.md",
    ROOT / "docs/ko/happytalk.md": ROOT / "docs/vendors/happytalk.md",
    ROOT / "docs/ko/naver-cloud.md": ROOT / "docs/vendors/naver-cloud.md",
    ROOT / "docs/ko/troubleshooting.md": ROOT / "docs/troubleshooting.md",
}
BEGINNING = re.compile(r"^\s*(#+ |\d+\. |- |\||!\[|```\w*$)")


class Part(NamedTuple):
    """A part of a page: the mark that it begins with, if any, and its text in one line."""

    kind: str
    text: str


def parts(page: str) -> list[Part]:
    """The parts of a page in order; only a block keeps its lines."""
    found: list[Part] = []
    is_block = is_new = False
    for line in page.splitlines():
        mark = BEGINNING.match(line)
        if is_block:
            found[-1] = Part(found[-1].kind, f"{found[-1].text}\n{line}")
            is_block = line.strip() != "```"
        elif not line.strip() or line.startswith("<!--"):
            is_new = True
            continue
        elif mark or is_new or not found or found[-1].kind == "|":
            kind = mark[1].strip() if mark else ""
            is_block = kind.startswith("```")
            found.append(Part(kind, line.strip()))
        else:
            found[-1] = Part(found[-1].kind, f"{found[-1].text} {line.strip()}")
        is_new = False
    return found


def checksums(english: Path) -> list[str]:
    """A checksum of each part of a page."""
    return [f"{zlib.crc32(part.text.encode()):08x}" for part in parts(english.read_text())]


def main() -> None:
    """Take the checksums of the English pages as they are."""
    taken = {str(page.relative_to(ROOT)): checksums(page) for page in PAGES.values()}
    CHECKSUMS.write_text(json.dumps(taken, indent=2) + "\n")


if __name__ == "__main__":
    main()
