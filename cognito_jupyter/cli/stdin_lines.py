"""Lines that the user types or pipes into a command while it waits for something else.

`cognito-jupyter login` reads a pasted URL with it. What is typed is not echoed, because it may be a secret.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

_SPECIAL_KEYS = ("\x00", "\xe0")
"""What msvcrt returns for a key without a character, such as an arrow; the key's number follows."""


class InputLines(Protocol):
    """What reads lines without blocking."""

    def poll_line(self) -> str | None:
        """Returns the next complete line; None if there is none yet."""


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


class ConsoleLines:
    """Reads what is typed or pasted into a terminal of Windows, without an echo; `select` knows only sockets there."""

    def __init__(self) -> None:
        self._typed = ""

    def poll_line(self) -> str | None:
        """Returns the next complete line; None if there is none yet.

        Raises:
            KeyboardInterrupt: The user pressed Ctrl-C, which the terminal may hand over as a character.
        """
        import msvcrt

        while msvcrt.kbhit():  # type: ignore[attr-defined, unused-ignore] # of Windows
            character = msvcrt.getwch()  # type: ignore[attr-defined, unused-ignore] # likewise
            if character in _SPECIAL_KEYS:
                msvcrt.getwch()  # type: ignore[attr-defined, unused-ignore] # likewise
            elif character == "\x03":
                raise KeyboardInterrupt
            elif character == "\b":
                self._typed = self._typed[:-1]
            elif character in "\r\n":
                line, self._typed = self._typed.strip(), ""
                if line:
                    return line
            else:
                self._typed += character
        return None


class PipedLines:
    """Reads lines from a pipe in a daemon thread, because Windows cannot tell whether a pipe has one.

    It reads from the descriptor: a thread that waited in `sys.stdin` would hold a lock which the interpreter needs at
    its end, and Python aborts where it does not get that lock.

    Args:
        descriptor: The file descriptor of standard input.
    """

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._descriptor = descriptor
        threading.Thread(target=self._read, name="cognito-stdin", daemon=True).start()

    def poll_line(self) -> str | None:
        """Returns the next complete line; None if there is none yet."""
        with suppress(queue.Empty):
            return self._lines.get_nowait()
        return None

    def _read(self) -> None:
        rest = b""
        with suppress(OSError):  # the pipe is closed
            while chunk := os.read(self._descriptor, 65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._put(line)
        self._put(rest)

    def _put(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").strip():
            self._lines.put(text)


@contextmanager
def open_stdin_lines(*, force: bool) -> Iterator[InputLines | None]:
    """Opens standard input if it is a terminal, and turns its echo off until the end.

    Args:
        force: Whether to open it even if it is not a terminal.

    Yields:
        The lines; None where none can be read.
    """
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if sys.stdin is None or not (is_terminal or force):
        yield None
        return
    if sys.platform == "win32":
        yield ConsoleLines() if is_terminal else PipedLines(sys.stdin.fileno())
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
