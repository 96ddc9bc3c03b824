"""Lines that the user types or pipes into a command while it waits for something else.

`cognito-jupyter login` reads a pasted URL with it. What is typed is not echoed, because it may be a secret.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class StdinLines:
    """Reads lines from a file descriptor without blocking.

    Args:
        descriptor: The file descriptor of standard input.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._at_eof = False

    def poll_line(self) -> str | None:
        """Returns the next complete line; None if there is none yet."""
        while not self._at_eof and b"\n" not in self._buffer and select.select([self._descriptor], [], [], 0)[0]:
            chunk = os.read(self._descriptor, 65536)
            self._at_eof = not chunk
            self._buffer += chunk
        if b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
        elif self._at_eof:
            line, self._buffer = self._buffer, b""
        else:
            return None
        return line.decode("utf-8", "replace").strip() or None


@contextmanager
def open_stdin_lines(*, force: bool) -> Iterator[StdinLines | None]:
    """Opens standard input if it is a terminal, and turns its echo off until the end.

    Args:
        force: Whether to open it even if it is not a terminal.

    Yields:
        The lines; None where none can be read, as on Windows, whose terminals cannot be polled.
    """
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if sys.platform == "win32" or sys.stdin is None or not (is_terminal or force):
        yield None
        return
    descriptor = sys.stdin.fileno()
    if not is_terminal:
        yield StdinLines(descriptor)
        return
    import termios

    original = termios.tcgetattr(descriptor)
    without_echo = termios.tcgetattr(descriptor)
    without_echo[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, without_echo)
    try:
        yield StdinLines(descriptor)
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, original)
