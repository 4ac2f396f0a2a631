"""Fields of a vendor's events that have no column of their own.

A vendor may add fields at any time. They must not vanish: the column `_extra` holds them as they
came. Bodies without such fields are decoded once, as fast as if nobody looked for them.
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
MOST_TOLD = 100  # names in a run
NULL = msgspec.Raw(b"null")
_NONE: Fields = {}
_encode = msgspec.json.Encoder().encode

Decoded = TypeVar("Decoded")


class Body(NamedTuple, Generic[Decoded]):
    """A decoded body, and what its decoder has no fields for.

    Attributes:
        decoded: The body.
        extras: For each of its events the fields that have no column, as raw JSON.
        names: The names of all of them.
    """

    decoded: Decoded
    extras: Sequence[Fields]
    names: Collection[str] = ()


class ExtraDecoder(Generic[Decoded]):
    """Decodes bodies whose events may have more fields than are known.

    Args:
        event: The struct of one event.
        strict: Decodes a body whose events have known fields only, and raises ValidationError for
            any other.
        lenient: Decodes a body whatever other fields its events have.
        raw: Decodes a body whose events are objects of raw values.
        events: The events of a decoded body.
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
            msgspec.DecodeError: If it has another fault than unknown fields.
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
    """The value of the column `_extra`: an object, or null where there is nothing."""
    return msgspec.Raw(_encode(fields)) if fields else NULL


class NewNames:
    """Tells once of each name that has no column, on few and short lines.

    Args:
        stream: The stream's name.
        logger: Where it is told.
    """

    def __init__(self, stream: str, logger: logging.Logger) -> None:
        self._stream = stream
        self._logger = logger
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def note(self, names: Collection[str]) -> None:
        """Tell of those that are new; may be called on any thread."""
        if not names:
            return
        with self._lock:
            new = {name[:LONGEST_NAME]: name for name in names}
            for name in self._told & new.keys():
                del new[name]
            kept = sorted(new)[: MOST_TOLD - len(self._told)]
            self._told.update(kept)
        if kept:
            self._logger.info(
                "%s: fields that have no column of their own go to _extra: %s",
                self._stream,
                quote_names([new[name] for name in kept]),
            )
