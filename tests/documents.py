"""The blocks in the documents, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUED = re.compile(r"\\\n\s*")
COMMENT = re.compile(r"(^|\s+)#.*$")
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
