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

from tap_eventexport.engine.errors import ShutdownRequested
from tap_eventexport.engine.page import PreparedWindow, SplitWindow
from tap_eventexport.engine.prefetch.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tap_eventexport.engine.page import Page
    from tap_eventexport.engine.windows import Window

    Place = Mapping[str, Any] | None
    Read = Callable[[Window, Place], Iterator[Page | PreparedWindow | SplitWindow]]

WINDOWS_AHEAD = 4  # windows of a lane that are read or wait, for each of its workers
CALM = 16  # part of the memory that may be taken where reading more at once wouldn't help
POLL_INTERVAL = 0.2  # seconds between two looks at the signals while nothing is ready
RETRY_INTERVAL = 0.05  # seconds between two looks at what may be read

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class PageReady(Generic[Key]):
    """The next page of a lane, or the news that one of its windows was opened."""

    key: Key
    window: Window
    page: Page | PreparedWindow


@dataclass(frozen=True, slots=True)
class StreamDone(Generic[Key]):
    """The end of a lane: all its windows are read, or the error says why not."""

    key: Key
    error: Exception | None


@dataclass(slots=True, eq=False)
class WindowTask:
    """One window: how its reading stands, and its pages that wait."""

    window: Window
    reading: Iterator[Page | PreparedWindow | SplitWindow]
    prepared: PreparedWindow | None = None
    pages: deque[Page] = field(default_factory=deque)
    is_taken: bool = False
    is_read: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class StreamQueue(Generic[Key]):
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
    tasks: deque[WindowTask] = field(default_factory=deque)
    load: Load = field(default_factory=Load)
    buffered_bytes: int = 0
    is_closed: bool = False

    @property
    def max_tasks(self) -> int:
        """How many windows are read or wait at most."""
        return self.workers * WINDOWS_AHEAD

    @property
    def is_reading(self) -> bool:
        """Whether a worker reads a page."""
        return any(task.is_taken for task in self.tasks)

    def fill(self) -> bool:
        """Begin windows as far ahead as may be; False if there is none left at all."""
        while len(self.tasks) < self.max_tasks and (task := next(self.planned, None)):
            window, place = task
            self.tasks.append(WindowTask(window, self.read(window, place)))
        return bool(self.tasks)


class ReadAhead(Generic[Key]):
    """Pages of all lanes, each as soon as it is its turn.

    Args:
        max_bytes: How much memory the pages that wait may take. The page that a lane needs next
            is always read, so the bound holds but for one page for each worker. Only while the
            vendors are slower than who takes the pages, so that reading further ahead helps, more
            than a part of it is used.
        max_spooled: How much temporary disk they may take, in the same way.
        poll: Called while nothing is ready, a few times a second; may raise to end the run.
    """

    def __init__(self, max_bytes: int, max_spooled: int, poll: Callable[[], None]) -> None:
        self._max_bytes = max_bytes
        self._max_spooled = max_spooled
        self._poll = poll
        self._queues: deque[StreamQueue[Key]] = deque()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # for who hands out
        self._free = threading.Condition(lock)  # for who reads: there is room, or something to read
        self._buffered_bytes = 0
        self._buffered_disk = 0

    def add(self, queue: StreamQueue[Key]) -> None:
        """Start to read a lane."""
        with self._changed:
            self._queues.append(queue)
        for _ in range(queue.workers):
            threading.Thread(target=self._work, args=(queue,), daemon=True).start()

    def drop(self, key: Key) -> None:
        """End a lane early: its workers stop, what waits of it is dropped."""
        with self._changed:
            for queue in [queue for queue in self._queues if queue.key is key]:
                self._end(queue)
            self._free.notify_all()

    def close(self) -> None:
        """End all lanes early."""
        for queue in list(self._queues):
            self.drop(queue.key)

    def __iter__(self) -> Iterator[PageReady[Key] | StreamDone[Key]]:
        """Pages as they become ready, lane by lane in turn, until all lanes have ended."""
        while self._queues:
            event = self._wait()
            yield event
            if isinstance(event, PageReady) and isinstance(event.page, PreparedWindow):
                self._let_go_on(event.page)

    def _let_go_on(self, prepared: PreparedWindow) -> None:
        """Whoever took the news has done with it what must be done before the window is read."""
        with self._changed:
            for task in (task for queue in self._queues for task in queue.tasks):
                if task.prepared is prepared:
                    task.prepared = None
            self._free.notify_all()

    def _wait(self) -> PageReady[Key] | StreamDone[Key]:
        while True:
            with self._changed:
                for _ in range(len(self._queues)):
                    queue = self._queues[0]
                    self._queues.rotate(-1)
                    if event := self._next_event(queue):
                        if isinstance(event, StreamDone):
                            self._end(queue)
                        if self._is_roomy(queue):
                            self._free.notify_all()
                        return event
                self._changed.wait(POLL_INTERVAL)
            self._poll()

    def _next_event(self, queue: StreamQueue[Key]) -> PageReady[Key] | StreamDone[Key] | None:
        queue.load.go_on()
        for task in queue.tasks:
            if task.prepared:
                return PageReady(queue.key, task.window, task.prepared)
        while queue.tasks:
            task = queue.tasks[0]
            if task.pages:
                page = task.pages.popleft()
                self._count(queue, page, -1)
                return PageReady(queue.key, task.window, page)
            if task.error:
                return StreamDone(queue.key, task.error)
            if not task.is_read:
                queue.load.wait()
                return None
            queue.tasks.popleft()
            self._free.notify_all()
        return None if queue.fill() else StreamDone(queue.key, None)

    def _end(self, queue: StreamQueue[Key]) -> None:
        queue.is_closed = True
        self._queues.remove(queue)
        for page in (page for task in queue.tasks for page in task.pages):
            self._count(queue, page, -1)
        queue.tasks.clear()

    def _count(self, queue: StreamQueue[Key], page: Page, sign: int) -> None:
        """Take a page to what waits, or off it."""
        queue.buffered_bytes += sign * page.size
        self._buffered_bytes += sign * page.size
        self._buffered_disk += sign * page.spooled

    def _work(self, queue: StreamQueue[Key]) -> None:
        try:
            while task := self._next(queue):
                while self._read(queue, task):
                    pass
        except ShutdownRequested:
            return

    def _read(self, queue: StreamQueue[Key], task: WindowTask) -> bool:
        """Read a page of a chain; whether this worker must go on with it.

        It must where the window was only opened: its reader may hold what others wait for.
        """
        page, error = None, None
        began = time.thread_time()
        try:
            page = next(task.reading, None)
        except Exception as caught:  # noqa: BLE001 - handed to the main thread
            error = caught
        with self._changed:
            queue.load.compute(time.thread_time() - began)
            if queue.is_closed:
                return False
            self._put(queue, task, page, error)
            self._changed.notify_all()
            while task.prepared and not queue.is_closed:
                self._free.wait()
            task.is_taken = isinstance(page, PreparedWindow)
            return task.is_taken

    def _next(self, queue: StreamQueue[Key]) -> WindowTask | None:
        """Wait for the earliest window of which a page may be read; None if none is wanted."""
        with self._changed:
            while not queue.is_closed:
                queue.fill()
                if queue.load.is_hungry() or not queue.is_reading:
                    for place, task in enumerate(queue.tasks):
                        is_idle = not (task.is_taken or task.is_read)
                        if is_idle and self._has_room(queue, task, place):
                            task.is_taken = True
                            return task
                self._free.wait(RETRY_INTERVAL)
            return None

    def _has_room(self, queue: StreamQueue[Key], task: WindowTask, place: int) -> bool:
        """Whether a chain's next page may wait; one that is needed next always may.

        A chain may use less of the room, the later it is handed out. Later chains would fill the
        room else, and the ones before them be read a page at a time.
        """
        is_needed = place == 0 and not task.pages
        return is_needed or self._waits_less(queue, 1 - place / queue.max_tasks)

    def _waits_less(self, queue: StreamQueue[Key], share: float) -> bool:
        """Whether what waits takes less than a share of the room."""
        is_calm = not queue.load.is_hungry()
        return (
            self._buffered_bytes < self._max_bytes * share
            and self._buffered_disk < self._max_spooled * share
            and not (is_calm and queue.buffered_bytes >= self._max_bytes // CALM * share)
        )

    def _put(
        self,
        queue: StreamQueue[Key],
        task: WindowTask,
        page: Page | PreparedWindow | SplitWindow | None,
        error: Exception | None,
    ) -> None:
        """Note what became of reading a page."""
        if page is None:
            task.error, task.is_read = error, True
        elif isinstance(page, SplitWindow):
            self._split(queue, task, page)
        elif isinstance(page, PreparedWindow):
            task.prepared = page
        else:
            task.pages.append(page)
            self._count(queue, page, 1)

    def _split(self, queue: StreamQueue[Key], task: WindowTask, split: SplitWindow) -> None:
        """Put other windows in a chain's place; nothing of it was handed out that they lack."""
        place = queue.tasks.index(task)
        for page in task.pages:
            self._count(queue, page, -1)
        del queue.tasks[place]
        for number, window in enumerate(split.windows):
            queue.tasks.insert(place + number, WindowTask(window, queue.read(window, None)))
        self._free.notify_all()

    def _is_roomy(self, queue: StreamQueue[Key]) -> bool:
        """Whether it is worth while to wake those who wait for room."""
        needs_next = not queue.tasks or not queue.tasks[0].pages
        return needs_next or self._waits_less(queue, 0.5)
