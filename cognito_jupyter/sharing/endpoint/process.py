"""The endpoint as seen from the process that feeds it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from ...errors import UnavailableError

SOURCE = Path(__file__).with_name("server.py")
"""The endpoint's one file."""

_PROCESS_TIMEOUT = 10.0
"""Seconds for the start, and for the end; it takes some hundredths of one."""


_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows alone: nothing pops up, and Ctrl-C stays with the parent."""


@dataclass(frozen=True)
class RequestStats:
    """Who asked for a path.

    Attributes:
        last: When last, in seconds since the epoch.
        count: How often.
    """

    last: float
    count: int


class EndpointProcess:
    """The child process, its bearer token, and the folder with the token's file.

    It is not started again once it is gone: whoever took its port then would be sent the token.

    Args:
        on_report: Called in a thread of its own when somebody asked, and when the process is gone; should only take
            note.
        program: The text of the endpoint's file, for a machine that has not got it.

    Attributes:
        token: What clients send as Authorization.
        token_file: Holds it, readable for the user alone; removed at the end, also by a child left alone.
        folder: Where it lies, private; what else is put there is removed with it when named to `remove`.
        url: Where it listens.
        alive: Whether it still answers.

    Raises:
        UnavailableError: It could not be started (a ConnectionError).
    """

    def __init__(self, on_report: Callable[[], None] = lambda: None, program: str | None = None) -> None:
        self.token = secrets.token_urlsafe(32)
        self.url = ""
        self.alive = True
        self._request_stats: dict[str, RequestStats] = {}
        self._on_report = on_report
        self._owner_pid = os.getpid()
        self._write_lock = threading.Lock()
        self._started_or_ended = threading.Event()
        self.folder = Path(tempfile.mkdtemp(prefix="cognito-share-"))
        self._process = _start_process(program)
        try:
            threading.Thread(target=self._read_reports, name="cognito-share-reports", daemon=True).start()
            if not self._started_or_ended.wait(_PROCESS_TIMEOUT) or not self.alive:
                raise UnavailableError("The endpoint that shares credentials did not start.", "Try again.")
            self._send_command(f"token {self.token}".encode())
            self.token_file = self.write_file("token", self.token)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<EndpointProcess: {self.url}{'' if self.alive else ', ended'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An endpoint is not pickled or copied: its token stays in this process.")

    def request_stats(self, path: str) -> RequestStats | None:
        """Who asked for a path; None while nobody has."""
        return self._request_stats.get(path)

    def set_response(
        self, path: str, body: Mapping[str, str], *, status: int = 200, until: float = float("inf")
    ) -> None:
        """Answers a path with this from now on.

        Args:
            path: As in the URL.
            body: Becomes JSON.
            status: HTTP's.
            until: After that, in seconds since the epoch, the answer is that the keys are over.
        """
        self._send_command(f"put {path} {status} {until!r} {json.dumps(body)}".encode())

    def write_file(self, name: str, content: str) -> Path:
        """Writes a file for the user alone, in place of one of the same name; it is removed at the end."""
        path = self.folder / name
        # The folder is the user's alone: nobody else can have put anything there.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
        # Should this process be killed, the child removes it; the folder goes once it is empty.
        self._send_command(b"remove " + os.fsencode(path))
        self._send_command(b"remove " + os.fsencode(self.folder))
        return path

    def close(self) -> None:
        """Ends the process and removes its folder; a second call does nothing, nor does one in a forked process."""
        if os.getpid() != self._owner_pid:
            return
        # Not by the end of its input alone: a process forked from this one may hold the other end of that.
        self._process.terminate()
        try:
            self._process.wait(_PROCESS_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            self._stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        return self._process.stdin

    def _send_command(self, line: bytes) -> None:
        remaining = memoryview(line + b"\n")
        # Once the process is gone nobody listens, and `alive` says so.
        with self._write_lock, suppress(OSError, ValueError):
            while remaining:
                remaining = remaining[self._stdin.write(remaining) :]

    def _read_reports(self) -> None:
        """Reads what the process reports until its end, in a thread."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        with self._process.stdout as reports:
            for line in reports:
                with suppress(ValueError, KeyError, TypeError):
                    self._handle_report(json.loads(line))
        self.alive = False
        self._started_or_ended.set()
        self._on_report()

    def _handle_report(self, report: Mapping[str, Any]) -> None:
        if "port" in report:
            self.url = f"http://127.0.0.1:{int(report['port'])}"
            self._started_or_ended.set()
        else:
            self._request_stats[report["path"]] = RequestStats(float(report["asked"]), int(report["times"]))
            self._on_report()


def _start_process(program: str | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own file
        # Isolated, and without site: nothing but the standard library, whatever this environment holds.
        [sys.executable, "-I", "-S", "-E", *([str(SOURCE)] if program is None else ["-c", program])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=os.path.abspath(os.sep),  # it keeps no folder of anybody's in use
        start_new_session=True,
        creationflags=_NO_WINDOW,
    )
