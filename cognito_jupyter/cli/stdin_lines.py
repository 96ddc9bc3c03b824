"""Lines typed into a terminal while something else goes on; what is typed is not shown, since it may be a secret."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class StdinLines:
    """Standard input, looked at without waiting for it.

    Args:
        descriptor: Its file descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._at_eof = False

    def poll_line(self) -> str | None:
        """The next whole line; None while there is none."""
        import os

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
    """Standard input, where a person can type into it, or where it was asked for.

    Args:
        force: Whether it is to be read even if it is no terminal.

    Yields:
        None where nothing can be typed, as on Windows, whose terminals cannot be looked at without waiting.
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
