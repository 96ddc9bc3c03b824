"""jupyter console in a pseudo-terminal, and qtconsole without a screen: a user who types, and reads what is there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from filelock import FileLock

from tests.support.polling import TEST_TIMEOUT
from tests.support.temporary import shared_path

from .environments import ROOT

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78M])|\r")
_IN_TERMINAL = "import os, sys\nos.login_tty(0)\nos.execv(sys.argv[1], sys.argv[1:])"
"""Runs a program whose controlling terminal is its standard input, from which getpass reads."""
_QT_LIBRARIES = ("libegl1", "libgl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0")
_PROMPT = re.compile(r"In \[\d+\]: ?")
_COMPLETENESS_TIMEOUT = "--ZMQTerminalInteractiveShell.kernel_is_complete_timeout=60"
"""Seconds: once a busy kernel has not said in time whether a line is complete, the console waits for Enter twice."""


class Console:
    """What both consoles have in common: a text that grows.

    Args:
        python: The Python of the console's environment.
        kernel: The kernel's name.
        variables: The console's environment variables.
    """

    def __init__(self, python: Path, kernel: str, variables: Mapping[str, str]) -> None:
        self._changed = threading.Condition()
        self._text = ""
        self._start(python, kernel, variables)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        self.expect(_PROMPT)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        self._reader.join(10)

    @property
    def text(self) -> str:
        """All that it has shown."""
        with self._changed:
            return self._text

    def expect(self, pattern: str | re.Pattern[str], after: int = 0) -> re.Match[str]:
        """Waits until its text holds a pattern.

        Args:
            pattern: The pattern.
            after: How much of the text is passed over.

        Raises:
            AssertionError: It did not come; the message is the whole text.
        """
        wanted, deadline = re.compile(pattern), time.monotonic() + TEST_TIMEOUT
        with self._changed:
            while not (found := wanted.search(self._text, after)):
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"It never shows {wanted.pattern!r}. It shows:\n{self._text}")
        return found

    def run(self, code: str) -> int:
        """Runs one line; returns how much text there was before."""
        raise NotImplementedError

    def paste(self, text: str) -> int:
        """Pastes a text into the open input, and presses Enter; returns how much text there was before."""
        raise NotImplementedError

    def _start(self, python: Path, kernel: str, variables: Mapping[str, str]) -> None:
        raise NotImplementedError

    def _read(self) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        raise NotImplementedError

    def _set_text(self, text: str) -> None:
        with self._changed:
            self._text = text
            self._changed.notify_all()


class TerminalConsole(Console):
    """jupyter console in a pseudo-terminal of 500 columns, so that it breaks no URL."""

    def _start(self, python: Path, kernel: str, variables: Mapping[str, str]) -> None:
        command = (str(python), "-m", "jupyter_console", "--kernel", kernel, _COMPLETENESS_TIMEOUT)
        self._terminal, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 500, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # Otherwise it asks the terminal where the cursor is, and nobody replies.
            env={**variables, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )
        os.close(slave)

    def run(self, code: str) -> int:
        return self._type(code)

    def paste(self, text: str) -> int:
        return self._type(text)

    def _type(self, text: str) -> int:
        before = len(self.text)
        os.write(self._terminal, f"{text}\r".encode())
        return before

    def _read(self) -> None:
        # The other end is closed: Linux reports an error.
        raw = b""
        with contextlib.suppress(OSError):
            while part := os.read(self._terminal, 65536):
                raw += part
                self._set_text(_ESCAPES.sub("", raw.decode(errors="replace")))

    def _stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._terminal)


class QtConsole(Console):
    """qtconsole, drawn by Qt without a screen."""

    def _start(self, python: Path, kernel: str, variables: Mapping[str, str]) -> None:
        _install_qt_libraries(python)
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("qt_program.py")), kernel],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**variables, "QT_QPA_PLATFORM": "offscreen"},
            cwd=ROOT,
            text=True,
        )

    def run(self, code: str) -> int:
        return self._send(run=code)

    def paste(self, text: str) -> int:
        return self._send(paste=text)

    def _send(self, **command: str) -> int:
        assert self._process.stdin is not None
        before = len(self.text)
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return before

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._set_text(json.loads(line))

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _install_qt_libraries(python: Path) -> None:
    """Installs the libraries of the system that Qt needs, as root on Debian; elsewhere they must be there."""
    # One process at a time: pytest-xdist runs several.
    with FileLock(shared_path("cognito_jupyter-qt.lock")):
        loads = subprocess.run([str(python), "-c", "from PyQt6 import QtWidgets"], check=False, capture_output=True)
        if loads.returncode and os.getuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            subprocess.run(["apt-get", "install", "-y", "-qq", *_QT_LIBRARIES], check=True, capture_output=True)
