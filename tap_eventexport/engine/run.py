"""Drives the streams of a run: reads all of them ahead, emits whichever is ready.

One stream's trouble is its own: it ends, what it had promised stays, the others go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tap_eventexport.engine.page import Opened
from tap_eventexport.engine.readahead import Ended, ReadAhead, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_eventexport.engine.stop import Stop
    from tap_eventexport.engine.stream import EventStream

MAX_WAITING_BYTES = 48 << 20  # of answers read ahead, encoded where nothing changes them

MAX_SPOOLED_BYTES = 1 << 30  # of CSV and export files read ahead, in temporary files

Argument = TypeVar("Argument")


def drive(streams: Sequence[EventStream], stop: Stop) -> dict[str, Exception]:
    """Read and emit streams until each is complete or has failed.

    Args:
        streams: The selected streams, whose SCHEMA was written.
        stop: Ends the run between two pages.

    Returns:
        The error of each stream that failed, by its name.

    Raises:
        Stopped: If the run was asked to end.
        OutputClosedError: If nobody reads stdout any more.
    """
    failures: dict[str, Exception] = {}

    def look() -> None:
        stop.check()
        streams[0].writer.check_reader()

    ahead: ReadAhead[EventStream] = ReadAhead(MAX_WAITING_BYTES, MAX_SPOOLED_BYTES, look)
    try:
        for stream in streams:
            try:
                ahead.add(stream.open())
            except Exception as error:  # noqa: BLE001 - of this stream alone
                failures[stream.name] = error
        for event in ahead:
            stop.check()
            stream = event.key
            trouble = event.error if isinstance(event, Ended) else _trouble_of(_emit, event)
            if trouble:
                ahead.drop(stream)
            if trouble or isinstance(event, Ended):
                trouble = _trouble_of(stream.close, trouble) or trouble
            if trouble:
                failures[stream.name] = trouble
    finally:
        ahead.close()
    return failures


def _emit(event: Ready[EventStream]) -> None:
    if isinstance(event.page, Opened):
        event.key.announce(event.window, event.page)
    else:
        event.key.emit(event.window, event.page)


def _trouble_of(do: Callable[[Argument], None], argument: Argument) -> Exception | None:
    """What goes wrong while something is done, which is the stream's own trouble."""
    try:
        do(argument)
    except Exception as error:  # noqa: BLE001
        return error
    return None
