"""Runs a command at a terminal, and keeps what it shows there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*[349]\d")
LONGEST = 60.0  # seconds


@dataclass
class Terminal:
    """What is shown at a terminal."""

    process: subprocess.Popen[bytes]
    _parts: list[bytes] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def raw(self) -> str:
        """All that was written to it, with its control codes."""
        return b"".join(self._parts).decode(errors="replace")

    @property
    def text(self) -> str:
        """All that was written to it, without control codes."""
        return CONTROL.sub("", self.raw).replace("\r", "")

    def wait_for(self, words: str) -> None:
        """Wait until a text is shown."""
        with self._news:
            assert self._news.wait_for(lambda: re.search(words, self.text), LONGEST), self.text

    def read(self, descriptor: int) -> None:
        """Read what is shown until the other end is closed."""
        try:
            while data := os.read(descriptor, 4096):
                with self._news:
                    self._parts.append(data)
                    self._news.notify_all()
        except OSError:  # the other end is closed
            return


@contextmanager
def terminal(command: list[str], columns: int, **environment: str) -> Iterator[Terminal]:
    """Run a command at a terminal of a width, to its end; its stdout goes elsewhere."""
    own, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm", **environment}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, env=variables)
    os.close(end)
    shown = Terminal(process)
    reader = threading.Thread(target=shown.read, args=(own,))
    reader.start()
    try:
        yield shown
    finally:
        process.kill()
        process.communicate(timeout=LONGEST)
        reader.join()
        os.close(own)


def seen(
    command: list[str], columns: int, code: int = 0, **environment: str
) -> tuple[Terminal, str]:
    """Run a command at a terminal, until it ends: what it shows there, and its stdout."""
    with terminal(command, columns, **environment) as shown:
        stdout, _ = shown.process.communicate(timeout=LONGEST)
        assert shown.process.returncode == code, shown.text
    return shown, stdout.decode()
