"""Applies stream maps and flattening to messages, before they are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_eventexport.batch_files import BatchFile, read_batches
from target_eventexport.errors import LoadError, NoSchemaError, one_line
from target_eventexport.unstorable import may_be_unstorable, storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.mapper import PluginMapper

    from target_eventexport.load import Load

READ_LINES = 1000
encode = msgspec.json.encode


class BatchMessage(msgspec.Struct):
    """Which files hold records, and how."""

    manifest: list[str]
    encoding: dict[str, Any]


class MappedLoad:
    """A load of messages that stream maps or flattening have changed.

    Args:
        load: The load.
        mapper: The SDK's mapper.
    """

    def __init__(self, load: Load, mapper: PluginMapper) -> None:
        self._load = load
        self._mapper = mapper
        self._schemas: dict[str, Any] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How many messages of each type were loaded."""
        return self._load.counts

    def take(self, lines: Sequence[bytes]) -> None:
        """Load lines of messages.

        Raises:
            LoadError: If one is wrong.
        """
        changed: list[bytes] = []
        for line in filter(bytes.strip, lines):
            try:
                message = msgspec.json.decode(storable(line) if may_be_unstorable(line) else line)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                raise LoadError(f"a line is no Singer message: {one_line(error)}") from None
            if not isinstance(message, dict):
                raise LoadError("a line is no Singer message: it is no object")
            match message.get("type"):
                case "RECORD":
                    changed += self._records(message)
                case "SCHEMA":
                    changed += self._schemas_of(message)
                case "BATCH":
                    self._load.take(changed)
                    changed = []
                    self._take_batch(message)
                case "ACTIVATE_VERSION":
                    changed += [
                        encode({**message, "stream": each.stream_alias})
                        for each in self._maps(message)
                    ]
                case _:
                    changed.append(line)
        self._load.take(changed)

    def _maps(self, message: dict[str, Any]) -> Sequence[Any]:
        stream = str(message.get("stream"))
        if stream not in self._schemas:
            raise NoSchemaError(f"{stream}: a record came before its SCHEMA")
        return self._mapper.stream_maps[stream]

    def _schemas_of(self, message: dict[str, Any]) -> Iterator[bytes]:
        stream = str(message.get("stream"))
        parts = (message.get("schema"), message.get("key_properties"))
        if self._schemas.get(stream) != parts:
            self._schemas[stream] = parts
            self._mapper.stream_maps.pop(stream, None)
            try:
                self._mapper.register_raw_stream_schema(stream, *parts)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - the SDK lets any through
                raise LoadError(f"stream_maps: {stream}: {one_line(error)}") from None
        for each in self._maps(message):
            yield encode(
                {
                    **message,
                    "stream": each.stream_alias,
                    "schema": each.transformed_schema,
                    "key_properties": each.transformed_key_properties,
                }
            )

    def _records(self, message: dict[str, Any]) -> Iterator[bytes]:
        stream = message.get("stream")
        for each in self._maps(message):
            try:
                record = each.transform({**message["record"]})
            except Exception as error:  # noqa: BLE001 - an expression may raise any
                raise LoadError(f"stream_maps: {stream}: {one_line(error)}") from None
            if record is not None:
                yield encode({**message, "stream": each.stream_alias, "record": record})

    def _take_batch(self, message: dict[str, Any]) -> None:
        head = {"type": "RECORD", "stream": message.get("stream")}
        try:
            batch = msgspec.convert(message, BatchMessage)
        except msgspec.ValidationError as error:
            raise LoadError(f"a line is no Singer message: {one_line(error)}") from None
        for url in batch.manifest:
            file = BatchFile(url, batch.encoding)
            for lines in read_batches(file, READ_LINES):
                self.take([encode({**head, "record": msgspec.Raw(line)}) for line in lines])
            if file.is_ours:
                self._load.after_commit(file.delete)

    def finish(self) -> None:
        """Commit what waits, and end the connection.

        Raises:
            LoadError: If it can't be committed.
        """
        self._load.finish()

    def close(self) -> None:
        """End the connection, once what is being committed is."""
        self._load.close()
