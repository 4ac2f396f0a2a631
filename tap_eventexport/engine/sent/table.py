"""What was sent of a table, which is compared as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_eventexport.engine.sent.ledger import Ledger, Pieces, Sent
from tap_eventexport.engine.sent.spans import WIDEST, Span, Widths
from tap_eventexport.engine.windows import EPOCH, MILLISECOND

if TYPE_CHECKING:
    from datetime import datetime

    from tap_eventexport.engine.sent.ledger import WindowTally
    from tap_eventexport.engine.windows import Window

THE_TABLE = 0  # the number of its only span


class TableLedger(Ledger):
    """What was sent of a table: one span, which ends when the table was read.

    Args:
        before: What earlier runs sent.
    """

    def __init__(self, before: Sent) -> None:
        super().__init__(before, {}, Widths(EPOCH, None, WIDEST), is_by_day=False)

    def pieces(self, window: Window) -> Pieces:
        """Return the window as one piece."""
        return Pieces(window, {window.start: THE_TABLE if self._known else None})

    def end(self, tally: WindowTally) -> list[Span]:
        """Record that the table was read; returns its span in STATE if it has changed."""
        end = tally.pieces.window.end
        self._spans = [Span(end - MILLISECOND, end, tally[THE_TABLE])]
        changed = [span for span in self._known.values() if span.tally != tally[THE_TABLE]]
        self.verdicts.update(dict.fromkeys(self._known, not changed))
        return changed

    def sent(self, start: datetime, end: datetime) -> Sent:  # noqa: ARG002
        """Return what STATE needs, whatever the time."""
        return Sent(self._before.output, tuple(self._spans))
