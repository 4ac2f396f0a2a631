"""Different rows of one day with the same id: counted, or made unique by numbers."""

from __future__ import annotations

import hashlib
from operator import itemgetter
from typing import TYPE_CHECKING

from tap_eventexport.engine.duplicates.doubles import Doubles
from tap_eventexport.engine.duplicates.variants import Counts, Row, Variants
from tap_eventexport.vendors.dfinery.columns import KEY
from tap_eventexport.vendors.dfinery.rows import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_eventexport.vendors.dfinery.rows import Rows

DIGEST_SIZE = 16  # bytes


class DayIds:
    """The ids of one day's rows.

    Equal rows are one record that was sent twice; they are not counted, and have the same number.

    Args:
        names: The columns.
        read: Reads all rows from the start.
        poll: Called often; may raise to end the run.

    Attributes:
        found: The counts of different rows with the same id, after all rows were read.
    """

    def __init__(
        self, names: Sequence[str], read: Callable[[], Iterable[Rows]], poll: Callable[[], None]
    ) -> None:
        self.found = Counts(0, 0)
        self._key = names.index(KEY)
        self._read = read
        self._poll = poll
        self._doubles = Doubles()
        self._by_name = itemgetter(*sorted(range(len(names)), key=names.__getitem__))

    def counted(self) -> Iterator[Rows]:
        """Yield the rows unchanged."""
        yield from self._noted()
        if self._doubles.find():
            with Variants(self._poll) as variants:
                self._compare(variants, _digest)
                self.found = variants.counts()

    def numbered(self) -> Iterator[Rows]:
        """Yield the rows; ids of different rows get numbers, in the order of the rows' content.

        The first content keeps the id unchanged. The numbers depend on the day's rows, not on their
        order.
        """
        for _ in self._noted():
            self._poll()
        if not self._doubles.find():
            yield from self._read()
            return
        with Variants(self._poll) as variants:
            self._take(variants)
            self._compare(variants, bytes)
            self.found = variants.counts()
            numbers = variants.numbers()
            place, number = next(numbers, (-1, 0))
            before = 0
            for block in self._read():
                while before <= place < before + len(block):
                    block[place - before][self._key] += f":{number}"
                    place, number = next(numbers, (-1, 0))
                before += len(block)
                yield block

    def _noted(self) -> Iterator[Rows]:
        id_of = itemgetter(self._key)
        for block in self._read():
            self._doubles.add(map(id_of, block))
            yield block

    def _compare(self, variants: Variants, content: Callable[[bytes], bytes]) -> None:
        """Collect the rows whose ids occur more than once."""
        before = 0
        for block in self._read():
            self._poll()
            variants.add(
                Row(each.encode(), content(self._content(row)), place)
                for place, row in enumerate(block, before)
                if (each := row[self._key]) in self._doubles and each not in NO_VALUE
            )
            before += len(block)

    def _take(self, variants: Variants) -> None:
        """Collect the ids that could result from another id and a number."""
        for block in self._read():
            self._poll()
            ids = (row[self._key] for row in block)
            variants.take(each.encode() for each in ids if each.rpartition(":")[0] in self._doubles)

    def _content(self, row: Sequence[str]) -> bytes:
        """Join a row's fields, ordered by column name, so that the bytes sort like the fields."""
        text = "\0".join(self._by_name(row))
        if text.count("\0") < len(row):
            return text.encode()
        return b"\0".join(field.encode().replace(b"\0", b"\0\xff") for field in self._by_name(row))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_SIZE).digest()
