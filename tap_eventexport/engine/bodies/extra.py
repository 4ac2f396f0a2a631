"""Keeps the fields of a vendor's events that have no column, in `_extra`.

A vendor may add fields at any time. They must not be lost: the column `_extra` holds them
unchanged. Bodies without such fields are decoded only once, without a loss of speed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec
from singer_sdk import typing as th

from tap_eventexport.engine.names import LONGEST_NAME, quote_names

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping, Sequence

    Fields = Mapping[str, msgspec.Raw]

COLUMN = th.Property(
    "_extra",
    th.ObjectType(additional_properties=True),
    description="fields of the event that have no column of their own",
)
MOST_LOGGED = 100  # names in a run
NULL = msgspec.Raw(b"null")
_NONE: Fields = {}
_encode = msgspec.json.Encoder().encode

Decoded = TypeVar("Decoded")


class Body(NamedTuple, Generic[Decoded]):
    """A decoded body, and its fields without a column.

    Attributes:
        decoded: The body.
        extras: For each event, its fields without a column, as raw JSON.
        names: The names of all these fields.
    """

    decoded: Decoded
    extras: Sequence[Fields]
    names: Collection[str] = ()


class ExtraDecoder(Generic[Decoded]):
    """Decodes bodies whose events may have unknown fields.

    Args:
        event: The struct of one event.
        strict: Decodes a body whose events have only known fields; raises ValidationError for any
            other.
        lenient: Decodes a body, ignoring other fields of its events.
        raw: Decodes a body to events that are objects of raw values.
        events: Returns the events of a decoded body.
    """

    def __init__(
        self,
        event: type[msgspec.Struct],
        *,
        strict: Callable[[bytes], Any],
        lenient: Callable[[bytes], Decoded],
        raw: Callable[[bytes], Any],
        events: Callable[[Any], Sequence[Any]],
    ) -> None:
        self._names = event.__struct_encode_fields__
        self._strict = strict
        self._lenient = lenient
        self._raw = raw
        self._events = events

    def __call__(self, body: bytes) -> Body[Decoded]:
        """Decode a body.

        Raises:
            msgspec.DecodeError: If it has another error than unknown fields.
        """
        try:
            decoded = self._strict(body)
        except msgspec.ValidationError:
            return self._part(body)
        return Body(decoded, [_NONE] * len(self._events(decoded)))

    def _part(self, body: bytes) -> Body[Decoded]:
        decoded = self._lenient(body)
        objects = self._events(self._raw(body))
        for name in self._names:
            for each in objects:
                each.pop(name, None)
        return Body(decoded, objects, set().union(*objects))


def as_column(fields: Fields) -> msgspec.Raw:
    """Return the value of the column `_extra`: an object, or null if there are no fields."""
    return msgspec.Raw(_encode(fields)) if fields else NULL


class NewNames:
    """Logs each name without a column once, in few and short lines.

    Args:
        stream: The stream's name.
        logger: Where the lines go.
    """

    def __init__(self, stream: str, logger: logging.Logger) -> None:
        self._stream = stream
        self._logger = logger
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def note(self, names: Collection[str]) -> None:
        """Log the names that are new; may be called on any thread."""
        if not names:
            return
        with self._lock:
            new = {name[:LONGEST_NAME]: name for name in names}
            for name in self._logged & new.keys():
                del new[name]
            kept = sorted(new)[: MOST_LOGGED - len(self._logged)]
            self._logged.update(kept)
        if kept:
            self._logger.info(
                "%s: fields that have no column are put into _extra: %s",
                self._stream,
                quote_names([new[name] for name in kept]),
            )
