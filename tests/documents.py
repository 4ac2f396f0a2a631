"""The blocks in the documents, the commands in them, and the links between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUED = re.compile(r"\\\n\s*")
COMMENT = re.compile(r"(^|\s+)#.*$")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"`[^`]*`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SCHEDULED = re.compile(r"^(\S+\s+){5}")  # minute, hour, day, month, day of the week


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
    """

    language: str
    text: str

    def commands(self) -> list[str]:
        """The commands of a block of shell or of a crontab, each in one line."""
        if self.language not in {"sh", "crontab"}:
            return []
        lines = CONTINUED.sub("", self.text).splitlines()
        if self.language == "crontab":
            lines = [SCHEDULED.sub("", line) for line in lines]
        return [command for line in lines if (command := COMMENT.sub("", line).strip())]


def blocks(document: Path) -> list[Block]:
    """The blocks of a document, in their order."""
    return [Block(language, text) for language, text in FENCE.findall(document.read_text())]


def links(document: Path) -> list[tuple[Path, str]]:
    """The files that a document links to or shows, each with the heading that is meant, if any."""
    text = CODE.sub("", FENCE.sub("", document.read_text()))
    found = [
        (document.parent / name if name else document, part) for name, part in LINK.findall(text)
    ]
    return [(path.resolve(), part) for path, part in found]


def headings(document: Path) -> list[str]:
    """A document's headings, as links name them."""
    names = HEADING.findall(FENCE.sub("", document.read_text()))
    return [re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in names]
