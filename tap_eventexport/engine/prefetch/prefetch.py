"""Reads several windows of several streams at once and hands their pages out in order.

Each stream is a lane. A lane's windows are chains of pages; a few are read at the same time. A
worker thread reads one page of the earliest window that has room, then looks for the earliest anew.
Pages of one lane come out strictly in the order of its windows, so that what was emitted is always
a beginning of the stream and STATE stays one number. Only the news that a window was opened comes
out at once. Lanes don't wait for each other.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_eventexport.engine.errors import Stopped
from tap_eventexport.engine.page import Opened, Split
from tap_eventexport.engine.prefetch.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tap_eventexport.engine.page import Page
    from tap_eventexport.engine.windows import Window

    Place = Mapping[str, Any] | None
    Read = Callable[[Window, Place], Iterator[Page | Opened | Split]]

WINDOWS_AHEAD = 4  # windows of a lane that are read or wait, for each of its workers
CALM = 16  # part of the memory that may be taken where reading more at once wouldn't help
LOOK = 0.2  # seconds between two looks at the signals while nothing is ready
REST = 0.05  # seconds between two looks at what may be read

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Ready(Generic[Key]):
    """The next page of a lane, or the news that one of its windows was opened."""

    key: Key
    window: Window
    page: Page | Opened


@dataclass(frozen=True, slots=True)
class Ended(Generic[Key]):
    """The end of a lane: all its windows are read, or the error says why not."""

    key: Key
    error: Exception | None


@dataclass(slots=True, eq=False)
class Chain:
    """One window: how its reading stands, and its pages that wait."""

    window: Window
    reading: Iterator[Page | Opened | Split]
    opened: Opened | None = None
    pages: deque[Page] = field(default_factory=deque)
    is_taken: bool = False
    is_read: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Lane(Generic[Key]):
    """One stream.

    Attributes:
        key: What its pages are handed out under.
        planned: The windows to read, in order, each with the place to go on from.
        read: Reads a window.
        workers: How many windows are read at once.
    """

    key: Key
    planned: Iterator[tuple[Window, Place]]
    read: Read
    workers: int
    chains: deque[Chain] = field(default_factory=deque)
    load: Load = field(default_factory=Load)
    waiting_bytes: int = 0
    is_closed: bool = False

    @property
    def most_chains(self) -> int:
        """How many windows are read or wait at most."""
        return self.workers * WINDOWS_AHEAD

    @property
    def is_reading(self) -> bool:
        """Whether a worker reads a page."""
        return any(chain.is_taken for chain in self.chains)

    def fill(self) -> bool:
        """Begin windows as far ahead as may be; False if there is none left at all."""
        while len(self.chains) < self.most_chains and (task := next(self.planned, None)):
            window, place = task
            self.chains.append(Chain(window, self.read(window, place)))
        return bool(self.chains)


class ReadAhead(Generic[Key]):
    """Pages of all lanes, each as soon as it is its turn.

    Args:
        max_bytes: How much memory the pages that wait may take. The page that a lane needs next
            is always read, so the bound holds but for one page for each worker. Only while the
            vendors are slower than who takes the pages, so that reading further ahead helps, more
            than a part of it is used.
        max_spooled: How much temporary disk they may take, in the same way.
        look: Called while nothing is ready, a few times a second; may raise to end the run.
    """

    def __init__(self, max_bytes: int, max_spooled: int, look: Callable[[], None]) -> None:
        self._max_bytes = max_bytes
        self._max_spooled = max_spooled
        self._look = look
        self._lanes: deque[Lane[Key]] = deque()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # for who hands out
        self._free = threading.Condition(lock)  # for who reads: there is room, or something to read
        self._waiting_bytes = 0
        self._waiting_spooled = 0

    def add(self, lane: Lane[Key]) -> None:
        """Start to read a lane."""
        with self._changed:
            self._lanes.append(lane)
        for _ in range(lane.workers):
            threading.Thread(target=self._work, args=(lane,), daemon=True).start()

    def drop(self, key: Key) -> None:
        """End a lane early: its workers stop, what waits of it is dropped."""
        with self._changed:
            for lane in [lane for lane in self._lanes if lane.key is key]:
                self._end(lane)
            self._free.notify_all()

    def close(self) -> None:
        """End all lanes early."""
        for lane in list(self._lanes):
            self.drop(lane.key)

    def __iter__(self) -> Iterator[Ready[Key] | Ended[Key]]:
        """Pages as they become ready, lane by lane in turn, until all lanes have ended."""
        while self._lanes:
            event = self._wait()
            yield event
            if isinstance(event, Ready) and isinstance(event.page, Opened):
                self._let_go_on(event.page)

    def _let_go_on(self, opened: Opened) -> None:
        """Whoever took the news has done with it what must be done before the window is read."""
        with self._changed:
            for chain in (chain for lane in self._lanes for chain in lane.chains):
                if chain.opened is opened:
                    chain.opened = None
            self._free.notify_all()

    def _wait(self) -> Ready[Key] | Ended[Key]:
        while True:
            with self._changed:
                for _ in range(len(self._lanes)):
                    lane = self._lanes[0]
                    self._lanes.rotate(-1)
                    if event := self._next_event(lane):
                        if isinstance(event, Ended):
                            self._end(lane)
                        if self._is_roomy(lane):
                            self._free.notify_all()
                        return event
                self._changed.wait(LOOK)
            self._look()

    def _next_event(self, lane: Lane[Key]) -> Ready[Key] | Ended[Key] | None:
        lane.load.go_on()
        for chain in lane.chains:
            if chain.opened:
                return Ready(lane.key, chain.window, chain.opened)
        while lane.chains:
            chain = lane.chains[0]
            if chain.pages:
                page = chain.pages.popleft()
                self._count(lane, page, -1)
                return Ready(lane.key, chain.window, page)
            if chain.error:
                return Ended(lane.key, chain.error)
            if not chain.is_read:
                lane.load.wait()
                return None
            lane.chains.popleft()
            self._free.notify_all()
        return None if lane.fill() else Ended(lane.key, None)

    def _end(self, lane: Lane[Key]) -> None:
        lane.is_closed = True
        self._lanes.remove(lane)
        for page in (page for chain in lane.chains for page in chain.pages):
            self._count(lane, page, -1)
        lane.chains.clear()

    def _count(self, lane: Lane[Key], page: Page, sign: int) -> None:
        """Take a page to what waits, or off it."""
        lane.waiting_bytes += sign * page.size
        self._waiting_bytes += sign * page.size
        self._waiting_spooled += sign * page.spooled

    def _work(self, lane: Lane[Key]) -> None:
        try:
            while chain := self._next(lane):
                while self._read(lane, chain):
                    pass
        except Stopped:
            return

    def _read(self, lane: Lane[Key], chain: Chain) -> bool:
        """Read a page of a chain; whether this worker must go on with it.

        It must where the window was only opened: its reader may hold what others wait for.
        """
        page, error = None, None
        began = time.thread_time()
        try:
            page = next(chain.reading, None)
        except Exception as caught:  # noqa: BLE001 - handed to the main thread
            error = caught
        with self._changed:
            lane.load.compute(time.thread_time() - began)
            if lane.is_closed:
                return False
            self._put(lane, chain, page, error)
            self._changed.notify_all()
            while chain.opened and not lane.is_closed:
                self._free.wait()
            chain.is_taken = isinstance(page, Opened)
            return chain.is_taken

    def _next(self, lane: Lane[Key]) -> Chain | None:
        """Wait for the earliest window of which a page may be read; None if none is wanted."""
        with self._changed:
            while not lane.is_closed:
                lane.fill()
                if lane.load.is_hungry() or not lane.is_reading:
                    for place, chain in enumerate(lane.chains):
                        is_idle = not (chain.is_taken or chain.is_read)
                        if is_idle and self._has_room(lane, chain, place):
                            chain.is_taken = True
                            return chain
                self._free.wait(REST)
            return None

    def _has_room(self, lane: Lane[Key], chain: Chain, place: int) -> bool:
        """Whether a chain's next page may wait; one that is needed next always may.

        A chain may use less of the room, the later it is handed out. Later chains would fill the
        room else, and the ones before them be read a page at a time.
        """
        is_needed = place == 0 and not chain.pages
        return is_needed or self._waits_less(lane, 1 - place / lane.most_chains)

    def _waits_less(self, lane: Lane[Key], share: float) -> bool:
        """Whether what waits takes less than a share of the room."""
        is_calm = not lane.load.is_hungry()
        return (
            self._waiting_bytes < self._max_bytes * share
            and self._waiting_spooled < self._max_spooled * share
            and not (is_calm and lane.waiting_bytes >= self._max_bytes // CALM * share)
        )

    def _put(
        self,
        lane: Lane[Key],
        chain: Chain,
        page: Page | Opened | Split | None,
        error: Exception | None,
    ) -> None:
        """Note what became of reading a page."""
        if page is None:
            chain.error, chain.is_read = error, True
        elif isinstance(page, Split):
            self._split(lane, chain, page)
        elif isinstance(page, Opened):
            chain.opened = page
        else:
            chain.pages.append(page)
            self._count(lane, page, 1)

    def _split(self, lane: Lane[Key], chain: Chain, split: Split) -> None:
        """Put other windows in a chain's place; nothing of it was handed out that they lack."""
        place = lane.chains.index(chain)
        for page in chain.pages:
            self._count(lane, page, -1)
        del lane.chains[place]
        for number, window in enumerate(split.windows):
            lane.chains.insert(place + number, Chain(window, lane.read(window, None)))
        self._free.notify_all()

    def _is_roomy(self, lane: Lane[Key]) -> bool:
        """Whether it is worth while to wake those who wait for room."""
        needs_next = not lane.chains or not lane.chains[0].pages
        return needs_next or self._waits_less(lane, 0.5)
