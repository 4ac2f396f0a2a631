"""What a person at a terminal sees of the log: short lines, and none that are for programs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import singer_sdk

SDK = str(Path(singer_sdk.__file__).parent)
FORMAT = "{asctime} {levelname:7} {message}"


def shorten_log() -> None:
    """Shorten the log on a terminal, unless it is configured, or its level asks for everything."""
    root = logging.getLogger()
    is_configured = "SINGER_SDK_LOG_CONFIG" in os.environ or root.level <= logging.DEBUG
    if is_configured or not (sys.stderr and sys.stderr.isatty()):
        return
    for handler in root.handlers:
        handler.setFormatter(logging.Formatter(FORMAT, "%H:%M:%S", "{"))
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not record.pathname.startswith(SDK)
