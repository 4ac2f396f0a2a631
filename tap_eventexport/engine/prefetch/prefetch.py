"""Reads several windows of several streams at the same time, and returns their pages in order.

Each stream has a queue of tasks, one for each window; a few tasks run at the same time. A worker
thread reads one page of the earliest window that has room in the buffer, then chooses again. Pages
of one queue are returned strictly in the order of its windows. So everything before one point in
time is emitted, and STATE is one number. Only the notice that a window was prepared is returned at
once. Queues don't wait for each other.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_eventexport.engine.errors import ShutdownRequested
from tap_eventexport.engine.page import PreparedWindow, SplitWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tap_eventexport.engine.page import Page
    from tap_eventexport.engine.windows import Window

    Cursor = Mapping[str, Any] | None
    Read = Callable[[Window, Cursor], Iterator[Page | PreparedWindow | SplitWindow]]

WINDOWS_AHEAD = 4  # windows of a queue that are being read or wait, for each of its workers
POLL_INTERVAL = 0.2  # seconds between two polls for signals while nothing is ready
RETRY_INTERVAL = 0.05  # seconds between two checks for a task that may be read
# Of pages of a queue whose turn it is, beyond which nothing is read: what workers read while a
# BATCH file of 10,000 records is compressed.
READY_BYTES = 8 << 20

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class PageReady(Generic[Key]):
    """The next page of a queue, or a notice that one of its windows was prepared."""

    key: Key
    window: Window
    page: Page | PreparedWindow


@dataclass(frozen=True, slots=True)
class StreamDone(Generic[Key]):
    """The end of a queue: all its windows are read, or the error says why not."""

    key: Key
    error: Exception | None


@dataclass(slots=True, eq=False)
class WindowTask:
    """The task to read one window: its progress, and its pages that wait."""

    window: Window
    reading: Iterator[Page | PreparedWindow | SplitWindow]
    prepared: PreparedWindow | None = None
    pages: deque[Page] = field(default_factory=deque)
    is_taken: bool = False
    is_read: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class StreamQueue(Generic[Key]):
    """The windows of one stream that are read or wait.

    Attributes:
        key: Identifies the stream in events.
        planned: The windows to read, in order, each with the cursor to resume from.
        read: Reads a window.
        workers: How many windows are read at the same time.
    """

    key: Key
    planned: Iterator[tuple[Window, Cursor]]
    read: Read
    workers: int
    tasks: deque[WindowTask] = field(default_factory=deque)
    is_closed: bool = False

    @property
    def max_tasks(self) -> int:
        """The maximum number of tasks that are being read or wait."""
        return self.workers * WINDOWS_AHEAD

    @property
    def has_event(self) -> bool:
        """Whether there is something to return: a page in its turn, a notice, or the end."""
        if any(task.prepared for task in self.tasks):
            return True
        return not self.tasks or bool(self.tasks[0].pages) or self.tasks[0].is_read

    @property
    def ready_bytes(self) -> int:
        """The memory of the pages that can be returned one after another, without waiting."""
        ready = 0
        for task in self.tasks:
            ready += sum(page.memory_bytes for page in task.pages)
            if not task.is_read:
                break
        return ready

    def fill(self) -> bool:
        """Start tasks up to the limit; False if no task is left."""
        while len(self.tasks) < self.max_tasks and (task := next(self.planned, None)):
            window, cursor = task
            self.tasks.append(WindowTask(window, self.read(window, cursor)))
        return bool(self.tasks)


class ReadAhead(Generic[Key]):
    """Returns the pages of all queues, each as soon as it is its turn.

    Args:
        max_bytes: How much memory the pages that wait may use. The page that a queue needs next is
            always read, so the limit may be exceeded by one page for each worker.
        max_spooled: How much temporary disk space they may use, in the same way.
        poll: Called a few times a second while nothing is ready; may raise to end the run.
    """

    def __init__(self, max_bytes: int, max_spooled: int, poll: Callable[[], None]) -> None:
        self._max_bytes = max_bytes
        self._max_spooled = max_spooled
        self._poll = poll
        self._queues: deque[StreamQueue[Key]] = deque()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # for the consumer
        self._free = threading.Condition(lock)  # for workers: room, or a task
        self._buffered_bytes = 0
        self._buffered_disk = 0

    # On the main thread

    def add(self, queue: StreamQueue[Key]) -> None:
        """Start to read a queue."""
        with self._changed:
            self._queues.append(queue)
        for _ in range(queue.workers):
            threading.Thread(target=self._work, args=(queue,), daemon=True).start()

    def drop(self, key: Key) -> None:
        """End a queue early: its workers stop, and its pages that wait are dropped."""
        with self._changed:
            for queue in [queue for queue in self._queues if queue.key is key]:
                self._end(queue)
            self._free.notify_all()

    def close(self) -> None:
        """End all queues early."""
        for queue in list(self._queues):
            self.drop(queue.key)

    def __iter__(self) -> Iterator[PageReady[Key] | StreamDone[Key]]:
        """Yield pages as they become ready, from each queue in turn, until all have ended."""
        while self._queues:
            event = self._wait()
            yield event
            if isinstance(event, PageReady) and isinstance(event.page, PreparedWindow):
                self._release(event.page)

    def _release(self, prepared: PreparedWindow) -> None:
        """The checkpoint is written; the worker may continue."""
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
                        self._wake_workers(queue)
                        return event
                self._changed.wait(POLL_INTERVAL)
            self._poll()

    def _wake_workers(self, queue: StreamQueue[Key]) -> None:
        """Wake workers after a page was returned: all if the next one is missing, else one."""
        if not queue.tasks or not queue.tasks[0].pages:
            self._free.notify_all()
        elif self._uses_less(0.5):
            self._free.notify()

    def _next_event(self, queue: StreamQueue[Key]) -> PageReady[Key] | StreamDone[Key] | None:
        for task in queue.tasks:
            if task.prepared:
                return PageReady(queue.key, task.window, task.prepared)
        while queue.tasks:
            task = queue.tasks[0]
            if task.pages:
                page = task.pages.popleft()
                self._count(page, -1)
                return PageReady(queue.key, task.window, page)
            if task.error:
                return StreamDone(queue.key, task.error)
            if not task.is_read:
                return None
            queue.tasks.popleft()
            self._free.notify_all()
        return None if queue.fill() else StreamDone(queue.key, None)

    def _end(self, queue: StreamQueue[Key]) -> None:
        queue.is_closed = True
        self._queues.remove(queue)
        for page in (page for task in queue.tasks for page in task.pages):
            self._count(page, -1)
        queue.tasks.clear()

    def _count(self, page: Page, sign: int) -> None:
        """Add a page to the buffered sizes, or subtract it (sign -1)."""
        self._buffered_bytes += sign * page.memory_bytes
        self._buffered_disk += sign * page.disk_bytes

    # On worker threads

    def _work(self, queue: StreamQueue[Key]) -> None:
        try:
            while task := self._next(queue):
                while self._read(queue, task):
                    pass
        except ShutdownRequested:
            return

    def _read(self, queue: StreamQueue[Key], task: WindowTask) -> bool:
        """Read the next page of a task; True if this worker must continue with the task.

        It must continue after a window was prepared: the reader may hold a lock that others need.
        """
        page, error = None, None
        try:
            page = next(task.reading, None)
        except Exception as caught:  # noqa: BLE001 - handed to the main thread
            error = caught
        with self._changed:
            if queue.is_closed:
                return False
            self._put(queue, task, page, error)
            if queue.has_event:
                self._changed.notify_all()
            while task.prepared and not queue.is_closed:
                self._free.wait()
            task.is_taken = isinstance(page, PreparedWindow)
            return task.is_taken

    def _next(self, queue: StreamQueue[Key]) -> WindowTask | None:
        """Wait for the earliest task whose next page may be read; None if the queue is closed."""
        with self._changed:
            while not queue.is_closed:
                queue.fill()
                for index, task in enumerate(queue.tasks):
                    is_idle = not (task.is_taken or task.is_read)
                    if is_idle and self._has_room(queue, task, index):
                        task.is_taken = True
                        return task
                self._free.wait(RETRY_INTERVAL)
            return None

    def _has_room(self, queue: StreamQueue[Key], task: WindowTask, index: int) -> bool:
        """Whether the buffer has room for a task's next page; the page needed next always has room.

        While enough pages wait for the main thread, reading more would only take its time. Later
        windows get a smaller share of the buffer, so that they cannot starve earlier ones.
        """
        is_needed = index == 0 and not task.pages
        if is_needed:
            return True
        return queue.ready_bytes < READY_BYTES and self._uses_less(1 - index / queue.max_tasks)

    def _uses_less(self, share: float) -> bool:
        """Whether the pages that wait use less than a share of the buffer."""
        return (
            self._buffered_bytes < self._max_bytes * share
            and self._buffered_disk < self._max_spooled * share
        )

    def _put(
        self,
        queue: StreamQueue[Key],
        task: WindowTask,
        page: Page | PreparedWindow | SplitWindow | None,
        error: Exception | None,
    ) -> None:
        """Store the result of reading a page."""
        if page is None:
            task.error, task.is_read = error, True
        elif isinstance(page, SplitWindow):
            self._split(queue, task, page)
        elif isinstance(page, PreparedWindow):
            task.prepared = page
        else:
            task.pages.append(page)
            self._count(page, 1)

    def _split(self, queue: StreamQueue[Key], task: WindowTask, split: SplitWindow) -> None:
        """Replace a task with tasks for several windows; no page of the old task was returned."""
        index = queue.tasks.index(task)
        for page in task.pages:
            self._count(page, -1)
        del queue.tasks[index]
        for number, window in enumerate(split.windows):
            queue.tasks.insert(index + number, WindowTask(window, queue.read(window, None)))
        self._free.notify_all()
