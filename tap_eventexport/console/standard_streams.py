"""Makes the standard streams of a command reliable.

A standard stream may be closed, full, broken or non-blocking. If one is closed, the next file that
is opened gets its number: logs would be written into that file, and child processes would inherit
it. So descriptors 0 to 2 are opened first. Then all output to stdout passes here: if it can't be
written, the command ends with a message and an exit code.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

FAILED, CLOSED = 1, 141  # exit codes; 141 is 128 + SIGPIPE, as in a shell
GONE = {errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN}


class OutputClosedError(BaseException):
    """stdout can't be written any more.

    Args:
        message: The reason.
        exit_code: The command's exit code.
    """

    def __init__(
        self,
        message: str = "stdout was closed: the target has ended",
        exit_code: int = CLOSED,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Raw(io.FileIO):
    """A standard stream that waits if it is non-blocking, and ignores writes after an error."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_broken = False

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            while not self._is_broken:
                if (written := super().write(data)) is not None:
                    return written
                _wait_for_room(self)
        except OSError as error:
            self._is_broken = True
            self.fail(error)
        return len(data)

    def fail(self, error: OSError) -> None:
        """Handle a broken stream; does nothing for stderr, since nobody could read a message."""


class _Stdout(_Raw):
    def fail(self, error: OSError) -> None:
        if error.errno in GONE:
            raise OutputClosedError from None
        reason = "it was closed" if error.errno == errno.EBADF else error.strerror
        raise OutputClosedError(f"stdout can't be written: {reason}", FAILED) from None


def open_standard_streams() -> None:
    """Open those of descriptors 0 to 2 that are closed, on /dev/null.

    A write to stdout fails as before.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # noqa: FBT003 - gets its number
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(sys.stdout, _Stdout(1))
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(sys.stderr, _Raw(2), is_by_line=True)


@contextmanager
def standard_streams(tell: Callable[[str], object]) -> Iterator[None]:
    """Run a command with reliable standard streams; also a decorator.

    Args:
        tell: Shows the user why the command ends.
    """
    open_standard_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputClosedError as error:
        tell(str(error))
        sys.exit(error.exit_code)


def teller(name: str) -> Callable[[str], object]:
    """Return a function that prints a message with the name of a command."""
    return lambda text: print(f"{name}: {text}", file=sys.stderr)  # noqa: T201


def _text(old: TextIO | None, raw: _Raw, *, is_by_line: bool = False) -> TextIO:
    """Return a text stream with the settings of the one that it replaces."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old else "utf-8",
        errors=old.errors if old else "backslashreplace",
        line_buffering=is_by_line or raw.isatty(),
        write_through=isinstance(old, io.TextIOWrapper) and old.write_through,
    )


def _wait_for_room(raw: io.FileIO) -> None:
    room = select.poll()
    room.register(raw.fileno(), select.POLLOUT)
    room.poll()
