"""Sends a page that a vendor's file made."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

from tap_eventexport.engine.page import Page
from tap_eventexport.engine.singer.messages import MessageWriter
from tap_eventexport.engine.sync import StreamSync
from tap_eventexport.engine.windows import Window
from tests.conftest import END, START

if TYPE_CHECKING:
    from tap_eventexport.engine.stream import EventStream


def begin(stream: EventStream) -> StreamSync:
    """Begin a run of a stream."""
    writer = stream.tap.message_writer
    assert isinstance(writer, MessageWriter)
    return StreamSync(stream, writer)


def emit(sync: StreamSync, page: Page) -> None:
    """Read and emit a window that has one page."""
    window = Window(START, END)
    with patch.object(sync.stream, "pages", lambda *_: iter([page])):
        for read in sync.reader.read(window, None):
            assert isinstance(read, Page)
            sync.emit(window, read)
