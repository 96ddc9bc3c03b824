"""Starts the endpoint's child process and talks to it: commands go in, reports come out.

`Share` starts one per kernel, and the Dask plugin one per worker process. It is shipped to workers together with the
modules that it imports. It never refreshes credentials: it passes on what it is given.
"""

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
from typing import Any

from ..._util.closing import NotPicklable
from ...errors import UnavailableError
from .environment import FULL_URI, REGIONS, TOKEN, TOKEN_FILE, no_proxy_variables

SOURCE = Path(__file__).with_name("server.py")
"""The program of the child process."""

_PROCESS_TIMEOUT = 10.0
"""Seconds to wait for the process to start, and to end; each takes some hundredths of a second."""

_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Only on Windows: no console window opens, and Ctrl-C reaches only the parent."""


@dataclass(frozen=True)
class RequestStats:
    """The requests for one path.

    Attributes:
        last: The time of the last one, in seconds since the epoch.
        count: How many there were.
    """

    last: float
    count: int


class EndpointProcess(NotPicklable):
    """The child process, its bearer token, and the private folder of the token's file.

    It is never restarted: another program may have taken its port by then, and SDKs would send it the token.

    Args:
        on_report: Called in the reading thread at each report and when the process has ended; it must return at once.
        program: The source of the server, on a machine that does not have the file.

    Attributes:
        token: What clients send as Authorization.
        token_file: The file with the token, readable by the user only. It is removed at the end, by the child process
            too if this process is killed.
        folder: The private folder of the files.
        url: The endpoint's URL, without a path.
        alive: Whether the process runs.

    Raises:
        UnavailableError: The process could not be started (a ConnectionError).
    """

    pickle_error = "An endpoint cannot be pickled or copied: its token stays in this process."

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
        assert self._process.stdin is not None  # noqa: S101 - both were opened as pipes
        assert self._process.stdout is not None  # noqa: S101 - likewise
        self._commands, self._reports = self._process.stdin, self._process.stdout
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

    def request_stats(self, path: str) -> RequestStats | None:
        """Returns the requests for a path so far; None before the first."""
        return self._request_stats.get(path)

    def variables(self, path: str, region: str, environ: Mapping[str, str]) -> dict[str, str]:
        """Returns the variables that point AWS SDKs to a path of this endpoint.

        Args:
            path: The path.
            region: The region to set where the environment names none.
            environ: The current environment.
        """
        # Some SDKs support only the variable with the token, and some only the one with its file.
        variables = {FULL_URI: self.url + path, TOKEN: self.token, TOKEN_FILE: str(self.token_file)}
        if not any(environ.get(name) for name in REGIONS):
            variables |= dict.fromkeys(REGIONS, region)
        return variables | no_proxy_variables(environ)

    def set_response(
        self, path: str, body: Mapping[str, str], *, status: int = 200, until: float = float("inf")
    ) -> None:
        """Sets the response to all later requests for a path.

        Args:
            path: The path, as in the URL.
            body: The JSON object to respond with.
            status: The HTTP status.
            until: The time, in seconds since the epoch, after which the response says that the credentials have
            expired.
        """
        self._send_command(f"set {path} {status} {until!r} {json.dumps(body)}".encode())

    def write_file(self, name: str, content: str) -> Path:
        """Writes a file that only the user can read; it is removed at the end.

        Args:
            name: The name in `folder`; an existing file is replaced.
            content: The text.
        """
        path = self.folder / name
        # Only the user can write to the folder, so the name cannot be a symlink of another user.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
        # If this process is killed, the child process removes the file, and the folder once it is empty.
        self._send_command(b"remove " + os.fsencode(path))
        self._send_command(b"remove " + os.fsencode(self.folder))
        return path

    def close(self) -> None:
        """Ends the process and removes its folder; a second call and a call in a forked process do nothing."""
        if os.getpid() != self._owner_pid:
            return
        # Closing the pipe would not suffice: a process forked from this one may hold its other end open.
        self._process.terminate()
        try:
            self._process.wait(_PROCESS_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            self._commands.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _send_command(self, line: bytes) -> None:
        remaining = memoryview(line + b"\n")
        # A process that has ended is not an error here: `alive` says so.
        with self._write_lock, suppress(OSError, ValueError):
            while remaining:
                remaining = remaining[self._commands.write(remaining) :]

    def _read_reports(self) -> None:
        """Reads the reports until the process ends; runs in a thread."""
        with self._reports:
            for line in self._reports:
                with suppress(ValueError, KeyError, TypeError):
                    report: Mapping[str, Any] = json.loads(line)
                    if "port" in report:
                        self.url = f"http://127.0.0.1:{int(report['port'])}"
                        self._started_or_ended.set()
                    else:
                        stats = RequestStats(float(report["last"]), int(report["count"]))
                        self._request_stats[report["path"]] = stats
                        self._on_report()
        self.alive = False
        self._started_or_ended.set()
        self._on_report()


def _start_process(program: str | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - it runs this package's own file
        # Isolated and without site: only the standard library, whatever is installed in this environment.
        [sys.executable, "-I", "-S", "-E", *([str(SOURCE)] if program is None else ["-c", program])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=os.path.abspath(os.sep),  # so that no other folder is in use by it
        start_new_session=True,
        creationflags=_NO_WINDOW,
    )
