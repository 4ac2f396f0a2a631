"""What was sent of a stream: by earlier runs as STATE says, and by this run.

A window is cut into pieces, and the records of each piece are tallied as they are sent. A span of
STATE is unchanged if the pieces of its time have the same tally now. The records in it were then
all sent before that STATE was written, so they need not be sent again. If a tally is wrong in any
way, such as after a window was restarted, the span looks changed and is sent whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from itertools import groupby, islice, pairwise
from operator import le
from typing import TYPE_CHECKING, NamedTuple

from tap_eventexport.engine.sent.spans import MODULUS, MOST_BYTES, Span, Tally, without
from tap_eventexport.engine.windows import format_instant, window_if_any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_eventexport.engine.sent.spans import Widths
    from tap_eventexport.engine.windows import Window

MOST_PARTIAL_BYTES = 2_000
OUTSIDE = -1  # the piece of records whose time is outside the window that was requested


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent of a stream, as STATE holds it.

    Attributes:
        output: A hash of all that decides how records are sent.
        spans: Spans of time, in order.
        outside: Tallies of records whose time is outside the window that they were requested
            with, by the start of that window.
    """

    output: str = ""
    spans: tuple[Span, ...] = ()
    outside: Mapping[str, Tally] = field(default_factory=dict)

    def start_of(self, instant: datetime) -> datetime:
        """Return the start of the span that holds an instant; the instant itself without one."""
        spans = (span for span in self.spans if span.start <= instant < span.end)
        return next((span.start for span in spans), instant)

    def without(self, changed: Collection[Span], window: Window) -> Sent:
        """Return the same without some spans, and without what lies outside a window."""
        outside = dict(self.outside)
        outside.pop(format_instant(window.start), None)
        spans = tuple(span for span in self.spans if span not in changed)
        return replace(self, spans=spans, outside=outside)


class Part(NamedTuple):
    """Records that follow each other in a batch and belong to one piece.

    Attributes:
        piece: The piece.
        records: Their number.
        digest: The sum of their digests.
    """

    piece: int
    records: int
    digest: int


class Pieces:
    """The pieces that a window is cut into.

    Args:
        window: The window.
        starts: The start of each piece, in order, with the number of its span in STATE, or None.

    Attributes:
        window: The window.
        edges: The start of each piece, and the end of the last.
        spans: The number of each piece's span, or None.
    """

    def __init__(self, window: Window, starts: Mapping[datetime, int | None]) -> None:
        self.window = window
        self.edges = [*starts, window.end]
        self.spans = list(starts.values())
        self._texts = [format_instant(edge) for edge in self.edges]

    def __len__(self) -> int:
        return len(self.spans)

    def of(self, time: str) -> int:
        """Return the piece of a record by its time, as `format_instant` writes it."""
        piece = bisect_right(self._texts, time) - 1
        return piece if piece < len(self) else OUTSIDE

    def parts(self, times: Sequence[str], digests: Sequence[int]) -> list[Part]:
        """Return a batch as parts, in the same order.

        Args:
            times: The records' times.
            digests: Their digests.
        """
        start, parts = 0, []
        for piece, end in self.runs(times):
            parts.append(Part(piece, end - start, sum(digests[start:end])))
            start = end
        return parts

    def runs(self, times: Sequence[str]) -> list[tuple[int, int]]:
        """Return the pieces of records that follow each other, each with the index of its end."""
        if not times:
            return []
        piece = self.of(min(times))
        if piece == self.of(max(times)) != OUTSIDE:
            return [(piece, len(times))]
        if all(map(le, times, islice(times, 1, None))):
            return list(self._runs_in_order(times))
        end, found = 0, []
        for piece, same in groupby(map(self.of, times)):
            end += sum(1 for _ in same)
            found.append((piece, end))
        return found

    def _runs_in_order(self, times: Sequence[str]) -> Iterator[tuple[int, int]]:
        start = 0
        while start < len(times):
            piece = self.of(times[start])
            if times[start] >= self._texts[-1]:
                end = len(times)
            else:
                end = bisect_left(times, self._texts[piece + 1], start)
            yield piece, end
            start = end


class WindowTally:
    """The tallies of one window's pieces.

    Args:
        pieces: The pieces.

    Attributes:
        pieces: The pieces.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self._counts = [0] * (len(pieces) + 1)  # the last one is outside
        self._digests = [0] * (len(pieces) + 1)

    def add(self, part: Part) -> None:
        """Add records of a piece."""
        piece, records, digest = part
        self._counts[piece] += records
        self._digests[piece] += digest

    def __getitem__(self, piece: int) -> Tally:
        return Tally(self._counts[piece], self._digests[piece] % MODULUS)

    def spans(self, *, is_known: bool = True) -> Iterator[Span]:
        """Yield a span for each piece.

        Args:
            is_known: Whether to include pieces that are a part of a span in STATE.
        """
        for piece, (start, end) in enumerate(pairwise(self.pieces.edges)):
            if is_known or self.pieces.spans[piece] is None:
                yield Span(start, end, self[piece])


class Ledger:
    """What was sent of a stream.

    Args:
        before: What earlier runs sent.
        partial: What they sent of the windows that this run resumes, by window.
        widths: How wide spans are.
        is_by_day: Whether a window is a whole day; then records outside it are compared, too.

    Attributes:
        verdicts: For each span of STATE that was read again, by its number, if it is unchanged.
    """

    def __init__(
        self,
        before: Sent,
        partial: Mapping[Window, Sequence[Span]],
        widths: Widths,
        *,
        is_by_day: bool,
    ) -> None:
        self._before = before
        self._partial = partial
        self._widths = widths
        self._is_by_day = is_by_day
        self._known = dict(enumerate(before.spans))
        self._spans = list(before.spans)
        self._outside = dict(before.outside)
        self.verdicts: dict[int, bool] = {}

    # On any thread

    def pieces(self, window: Window) -> Pieces:
        """Cut a window: at the spans of STATE, and where it has none, as wide as new spans are."""
        starts: dict[datetime, int | None] = {}

        def cut(start: datetime, end: datetime) -> None:
            for gap in window_if_any(start, end):
                starts.update(dict.fromkeys((start, *self._widths.cuts(gap))))

        numbered = [*self._known.items(), *((None, one) for one in self._partial.get(window, ()))]
        reached = window.start
        for number, span in sorted(numbered, key=lambda pair: pair[1].start):
            start, end = max(span.start, reached), min(span.end, window.end)
            if start < end:
                cut(reached, start)
                starts[start] = number
                reached = end
        cut(reached, window.end)
        return Pieces(window, starts)

    # On the main thread

    def begin(self, pieces: Pieces) -> WindowTally:
        """Return the tallies of a window that is read now, with those of its earlier pages."""
        for number in {number for number in pieces.spans if number is not None}:
            self.verdicts.pop(number, None)
        tally = WindowTally(pieces)
        for span in self._partial.get(pieces.window, ()):
            tally.add(Part(pieces.of(format_instant(span.start)), *span.tally))
        return tally

    def end(self, tally: WindowTally) -> list[Span]:
        """Record that a window was read completely, and judge the spans of STATE that end in it.

        Returns:
            Those that have changed.
        """
        window = tally.pieces.window
        self._spans = sorted([*without(self._spans, window), *tally.spans()], key=_start)
        if self._is_by_day:
            self._outside[format_instant(window.start)] = tally[OUTSIDE]
        changed = []
        for number, span in self._known.items():
            if window.start < span.end <= window.end:
                self.verdicts[number] = self._is_unchanged(span)
                if not self.verdicts[number]:
                    changed.append(span)
        return changed

    def _is_unchanged(self, known: Span) -> bool:
        first = bisect_left(self._spans, known.start, key=_start)
        reached, tally = known.start, Tally()
        for span in self._spans[first:]:
            if reached != span.start or known.end < span.end:
                break
            reached, tally = span.end, tally.plus(span.tally)
        return reached == known.end and tally == known.tally

    def partial(self, tally: WindowTally) -> tuple[Span, ...]:
        """Return what STATE needs of a window that is not yet read completely."""
        return self._widths.widened(tally.spans(is_known=False), MOST_PARTIAL_BYTES)

    def give_up(self) -> list[Span]:
        """Call all spans of STATE changed that aren't judged yet, and return them."""
        changed = self._known.keys() - self.verdicts.keys()
        self.verdicts.update(dict.fromkeys(changed, False))
        return [self._known[number] for number in changed]

    def is_compared(self, pieces: Pieces) -> bool:
        """Whether STATE says anything of a window."""
        start = format_instant(pieces.window.start)
        return start in self._before.outside or any(one is not None for one in pieces.spans)

    def is_unchanged(self, tally: WindowTally, piece: int) -> bool:
        """Whether a piece of a window that has ended need not be sent."""
        if piece == OUTSIDE:
            start = format_instant(tally.pieces.window.start)
            return self._is_by_day and tally[OUTSIDE] == self._before.outside.get(start)
        number = tally.pieces.spans[piece]
        return number is not None and self.verdicts.get(number, False)

    def sent(self, start: datetime, end: datetime) -> Sent:
        """Return what STATE needs: the spans from a time on, which may lie in one, to an end.

        What lies before the start is forgotten.
        """
        self._spans = [span for span in self._spans if start < span.end]
        first = format_instant(start)
        outside = {
            key: tally for key, tally in self._outside.items() if first <= key and tally.records
        }
        spans = self._widths.widened((span for span in self._spans if span.end <= end), MOST_BYTES)
        return Sent(self._before.output, spans, outside)


def _start(span: Span) -> datetime:
    return span.start
