"""What a person at a terminal sees of the log: short lines, without what the tables show."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import singer_sdk

if TYPE_CHECKING:
    from typing import TextIO

SDK = str(Path(singer_sdk.__file__).parent)
IN_LIVE_TABLE, IN_SUMMARY = ".progress", ".summary"  # the ends of loggers' names
FORMAT = "{asctime} {levelname:7} {message}"


def is_on_terminal() -> bool:
    """Whether stderr is a terminal, and no log that is configured in another way writes to it."""
    is_configured = "SINGER_SDK_LOG_CONFIG" in os.environ
    return sys.stderr.isatty() and not (is_configured and _handlers(sys.stderr))


def has_live_table() -> bool:
    """Whether stderr is a terminal whose lines can be drawn again."""
    return os.environ.get("TERM", "dumb") not in {"dumb", "unknown"} and is_on_terminal()


def shorten_log() -> None:
    """Shorten the log on a terminal, unless its level asks for everything.

    At the level INFO, the SDK logs for programs: metrics, and steps of its own.
    """
    if not is_on_terminal() or logging.getLogger().level <= logging.DEBUG:
        return
    shown = (IN_SUMMARY, IN_LIVE_TABLE) if has_live_table() else (IN_SUMMARY,)

    def is_news(record: logging.LogRecord) -> bool:
        is_known = record.name.endswith(shown) or record.pathname.startswith(SDK)
        return record.levelno > logging.INFO or not is_known

    for handler in _handlers(sys.stderr):
        handler.setFormatter(logging.Formatter(FORMAT, "%H:%M:%S", "{"))
        handler.addFilter(is_news)


def move_log(source: TextIO, target: TextIO) -> None:
    """Let the log that is written to one stream be written to another one."""
    for handler in _handlers(source):
        handler.setStream(target)


def _handlers(stream: TextIO) -> list[logging.StreamHandler[TextIO]]:
    """Return the handlers of all loggers that write to a stream."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    return [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
