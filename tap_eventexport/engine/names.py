"""Quotes names that come from outside, such as columns and files, for messages.

A name is data: it may hold quotes, line breaks and terminal control codes, and have any length.
Every such name passes here before it is logged or becomes a part of an error.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST_NAME = 100  # characters
MOST_NAMES = 20

_plain = re.compile(r"[\w.:/@$+=-]+")


def quote_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name unchanged if it has only ordinary characters; else quoted, with escapes.

    Args:
        name: The name.
        longest: The maximum number of its characters that are shown.
    """
    if len(name) > longest:
        return f"{name[:longest]!r}… ({len(name)} characters)"
    return name if _plain.fullmatch(name) else repr(name)


def quote_names(names: Collection[str]) -> str:
    """Join names in order; only the first ones if there are many."""
    shown = ", ".join(quote_name(name) for name in islice(sorted(names), MOST_NAMES))
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
