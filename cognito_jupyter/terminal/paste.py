"""Lines typed into a terminal while something else goes on; what is typed is not shown, since it may be a secret."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Typed:
    """Standard input, looked at without waiting for it.

    Args:
        descriptor: Its file descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._over = False

    def poll(self) -> str | None:
        """The next whole line; None while there is none."""
        import os

        while not self._over and b"\n" not in self._rest and select.select([self._descriptor], [], [], 0)[0]:
            read = os.read(self._descriptor, 65536)
            self._over = not read
            self._rest += read
        if b"\n" in self._rest:
            line, _, self._rest = self._rest.partition(b"\n")
        elif self._over:
            line, self._rest = self._rest, b""
        else:
            return None
        return line.decode("utf-8", "replace").strip() or None


@contextmanager
def typed_lines(*, asked: bool) -> Iterator[Typed | None]:
    """Standard input, where a person can type into it, or where it was asked for.

    Args:
        asked: Whether it is to be read even if it is no terminal.

    Yields:
        None where nothing can be typed, as on Windows, whose terminals cannot be looked at without waiting.
    """
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if sys.platform == "win32" or sys.stdin is None or not (is_terminal or asked):
        yield None
        return
    descriptor = sys.stdin.fileno()
    if not is_terminal:
        yield Typed(descriptor)
        return
    import termios

    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield Typed(descriptor)
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
