"""Writes Singer messages to stdout: whole lines, in few writes, that a shutdown can interrupt."""

from __future__ import annotations

import contextlib
import io
import select
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message

from tap_eventexport.console.standard_streams import OutputClosedError
from tap_eventexport.engine.errors import FatalVendorError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_eventexport.engine.shutdown import Shutdown

CHUNK = 1 << 17  # bytes between two checks for a shutdown: a little more than one part of a page

encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


class Lines(NamedTuple):
    """Lines of JSON.

    Attributes:
        text: All lines, each with its line feed.
        each: The same, line by line.
    """

    text: bytes
    each: Sequence[bytes]


def encode_lines(records: Sequence[Any], name: str, without_nul: Callable[[bytes], bytes]) -> Lines:
    """Encode records as one line of JSON each.

    Args:
        records: The records, which may hold raw JSON.
        name: The stream's name, for the error.
        without_nul: Replaces NUL characters in lines of JSON.

    Raises:
        FatalVendorError: If raw JSON has line ends, so that a record would be broken over several
            lines.
    """
    text = without_nul(encoder.encode_lines(records))
    each = io.BytesIO(text).readlines()  # faster than bytes.splitlines
    if len(each) != len(records):
        raise FatalVendorError(
            f"{name}: {len(records)} records would be written as {len(each)} lines, which no "
            "loader can read; please report it"
        )
    return Lines(text, each)


class MessageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages to stdout and flushes each at once.

    Args:
        shutdown: Checked between chunks, so that a slow target doesn't delay the end of a run.
    """

    def __init__(self, shutdown: Shutdown) -> None:
        self.shutdown = shutdown

    def serialize_message(self, message: Message) -> bytes:
        """Return a message as one line of JSON."""
        return encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Write one message.

        Raises:
            OutputClosedError: If the reader of stdout has ended.
        """
        self._write(self.serialize_message(message))

    def write_lines(self, lines: bytes) -> None:
        """Write whole lines, each ending in a line feed.

        Raises:
            OutputClosedError: If the reader of stdout has ended.
            ShutdownRequested: If a signal asked the run to end; only whole lines were written.
        """
        start = 0
        while start < len(lines):
            self.shutdown.check()
            end = lines.find(b"\n", min(start + CHUNK, len(lines)) - 1) + 1
            self._write(lines[start:end])
            start = end

    def check_reader(self) -> None:
        """Check that the target still runs, while there is nothing to write.

        Raises:
            OutputClosedError: If the reader of stdout has ended.
        """
        with contextlib.suppress(OSError, ValueError, AttributeError):
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
            if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
                raise OutputClosedError

    @staticmethod
    def _write(data: bytes) -> None:
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            sys.stdout.write(data.decode())
        else:
            binary.write(data)
        sys.stdout.flush()
