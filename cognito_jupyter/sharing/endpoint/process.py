"""Starts the endpoint's child process and talks to it: commands go in, reports come out.

`KernelEndpoint` starts one per kernel, and the Dask plugin one per worker process. It is shipped to workers together
with the modules that it imports. It never refreshes credentials: it passes on what it is given.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..._util.closing import NotPicklable
from ..._util.folders.retrying import delete_folder
from ..._util.redaction import RedactedVariables, SecretBytes, SigningSecret
from ..._util.threads.waiting import wait_for_in_slices, wait_in_slices
from ...errors import UnavailableError
from .environment import FULL_URI, TOKEN, TOKEN_FILE, no_proxy_variables, region_variables

SOURCE = Path(__file__).with_name("server.py")
"""The program of the child process."""

_START_TIMEOUT = 60.0
"""Seconds to wait for the process to start. That takes some hundredths of a second, but on a busy machine, where the
workers of a cluster start theirs at once, many seconds."""

_PROCESS_TIMEOUT = 10.0
"""Seconds to wait for the process to execute its commands, and to end; each takes some hundredths of a second."""

_FOLDER_TIMEOUT = 2.0
"""Seconds for which, on Windows, a program may have the token's file open while the folder is to be removed."""

_BACKLOG = 4096
"""Connections that may wait to be accepted; more of them would try again only after a second."""

_RESTART_DELAY = 0.1
"""Seconds before a restart, times the number of starts that have failed in a row."""
_MAX_FAILED_STARTS = 5
"""How many starts in a row may fail before the endpoint gives up."""

OTHER_PATHS = "*"
"""Stands for all paths without a response of their own."""

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
    """The child process, its listening socket, its bearer token, and the private folder of the token's file.

    This process keeps the socket open too. If the child process is killed, the port therefore stays reserved: no other
    program can answer there, to which SDKs would send the token, and whose credentials they would sign with. A new
    child process serves the same address within a fraction of a second.

    Args:
        on_report: Called in the reading thread at each report and when the process has ended; it must return at once.
        program: The source of the server, on a machine that does not have the file.

    Attributes:
        token: What clients send as Authorization.
        token_file: The file with the token, readable by the user only. It is removed at the end, by the child process
            too if this process is killed.
        folder: The private folder of the files.
        url: The endpoint's URL, without a path.
        alive: Whether the process runs, or a new one is being started in its place.

    Raises:
        UnavailableError: The process could not be started (a ConnectionError).
    """

    pickle_error = "An endpoint cannot be pickled or copied: its token stays in this process."

    def __init__(self, on_report: Callable[[], None] = lambda: None, program: str | None = None) -> None:
        self.token: str = SigningSecret(secrets.token_urlsafe(32))
        self.alive = True
        self._program = program
        self._request_stats: dict[str, RequestStats] = {}
        self._on_report = on_report
        self._owner_pid = os.getpid()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._process_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._token_command = SecretBytes(f"token {self.token}".encode())
        self._set_commands: dict[str, bytes] = {}
        self._remove_commands: dict[bytes, None] = {}
        self._syncs_sent = 0
        self._syncs_handled = 0
        self._handled_or_ended = threading.Condition()
        self._started_or_ended = threading.Event()
        self._listener = _listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.folder = Path(tempfile.mkdtemp(prefix="cognito-share-"))
        try:
            self._start()
            self.token_file = self.write_file("token", self.token)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<EndpointProcess: {self.url}{'' if self.alive else ', ended'}>"

    @property
    def pid(self) -> int:
        """The id of the process that serves now, or did last."""
        assert self._process is not None  # noqa: S101 - the constructor has started it
        return self._process.pid

    def ensure_alive(self) -> None:
        """Starts a process again, at the same address, if starts failed until the endpoint gave up.

        Raises:
            UnavailableError: It could not be started, or the endpoint is closed (a ConnectionError).
        """
        with self._process_lock:
            if self.alive:
                return
            if self._closed or os.getpid() != self._owner_pid:
                raise UnavailableError("The endpoint that shares credentials is closed.", "Share them again.")
            self.alive = True
            self._started_or_ended.clear()
            try:
                self._start()
            except BaseException:
                self.alive = False
                raise

    def wait_until_handled(self) -> None:
        """Waits until clients get what was set before this call; returns at once where no process runs.

        Raises:
            UnavailableError: The process does not execute its commands (a ConnectionError).
        """
        with self._write_lock:
            self._syncs_sent += 1
            number = self._syncs_sent
            self._send_command(b"sync %d" % number)
        with self._handled_or_ended:
            if not wait_for_in_slices(
                self._handled_or_ended, lambda: self._syncs_handled >= number or not self.alive, _PROCESS_TIMEOUT
            ):
                raise UnavailableError("The endpoint that shares credentials does not respond.", "Try again.")

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
        variables |= region_variables(environ, region) | no_proxy_variables(environ)
        return cast("dict[str, str]", RedactedVariables(variables))

    def set_response(
        self, path: str, body: Mapping[str, str], *, status: int = 200, until: float = float("inf")
    ) -> None:
        """Sets the response to all later requests for a path.

        Args:
            path: The path, as in the URL; OTHER_PATHS stands for all paths that have no response of their own.
            body: The JSON object to respond with.
            status: The HTTP status.
            until: The time, in seconds since the epoch, after which the response says that the credentials have
            expired.
        """
        command = SecretBytes(f"set {path} {status} {until!r} {json.dumps(body)}".encode())
        with self._write_lock:
            self._set_commands[path] = command
            self._send_command(command)

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
        with self._write_lock:
            for each in (path, self.folder):
                # If this process is killed, the child process removes the file, and the folder once it is empty.
                command = b"remove " + os.fsencode(each)
                self._remove_commands.pop(command, None)
                self._remove_commands[command] = None
                self._send_command(command)
        return path

    def close(self) -> None:
        """Ends the process and removes its folder; a second call and a call in a forked process do nothing."""
        if os.getpid() != self._owner_pid:
            return
        with self._process_lock:
            self._closed = True
        self.alive = False
        with suppress(OSError):
            # A process forked from this one may have the socket too: its clients are refused instead of waiting.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._process is not None:
            # Closing the pipe would not suffice: a process forked from this one may hold its other end open.
            self._process.terminate()
            try:
                self._process.wait(_PROCESS_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            with suppress(OSError):
                self._commands.close()
        delete_folder(self.folder, _FOLDER_TIMEOUT)

    def _send_command(self, line: bytes) -> None:
        """Sends a command; the caller holds the lock. It is no error if the process has ended: the next one gets it."""
        if os.getpid() != self._owner_pid:
            return  # a forked process has the same pipe
        remaining = memoryview(line + b"\n")
        with suppress(OSError, ValueError):
            while remaining:
                remaining = remaining[self._commands.write(remaining) :]

    def _start(self) -> None:
        """Starts a process and the thread that reads its reports, and waits until it serves.

        Raises:
            UnavailableError: It did not start (a ConnectionError).
        """
        try:
            process = self._start_process()
        except OSError:
            raise UnavailableError("The endpoint that shares credentials did not start.", "Try again.") from None
        threading.Thread(target=self._supervise, args=(process,), name="cognito-share-reports", daemon=True).start()
        if not wait_in_slices(self._started_or_ended, _START_TIMEOUT) or not self.alive:
            raise UnavailableError("The endpoint that shares credentials did not start.", "Try again.")

    def _start_process(self) -> subprocess.Popen[bytes]:
        """Starts a process for the listening socket, and sends it everything that the last one knew."""
        on_windows = sys.platform == "win32"
        process = subprocess.Popen(  # noqa: S603 - it runs this package's own file
            [
                # Isolated and without site: only the standard library, whatever is installed in this environment.
                *(sys.executable, "-I", "-S", "-E"),
                *([str(SOURCE)] if self._program is None else ["-c", self._program]),
                "-" if on_windows else str(self._listener.fileno()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=() if on_windows else (self._listener.fileno(),),
            cwd=os.path.abspath(os.sep),  # so that no other folder is in use by it
            start_new_session=True,
            creationflags=_NO_WINDOW,
        )
        assert process.stdin is not None  # noqa: S101 - both were opened as pipes
        assert process.stdout is not None  # noqa: S101 - likewise
        with self._write_lock:
            if self._process is not None and self._process.stdin is not None:
                # The pipe to the last process. Under the lock: no thread is writing a command into it.
                self._process.stdin.close()
            self._process, self._commands, self._reports = process, process.stdin, process.stdout
            if sys.platform == "win32":
                self._send_command(self._listener.share(process.pid).hex().encode())
            commands = (self._token_command, *self._set_commands.values(), *self._remove_commands, b"serve")
            for command in (*commands, b"sync %d" % self._syncs_sent):
                self._send_command(command)
        return process

    def _supervise(self, process: subprocess.Popen[bytes]) -> None:
        """Reads the reports, and starts a new process if one ends before this is closed; runs in a thread."""
        failed_starts = 0
        while True:
            failed_starts = 0 if self._read_reports() else failed_starts + 1
            process.wait()
            if not self._started_or_ended.is_set() or failed_starts >= _MAX_FAILED_STARTS:
                break
            time.sleep(_RESTART_DELAY * (failed_starts + 1))
            # Under the lock: `close` ends the process that it finds, and no other one may follow.
            with self._process_lock:
                if self._closed:
                    break
                try:
                    process = self._start_process()
                except OSError:
                    break
        self.alive = False
        self._started_or_ended.set()
        with self._handled_or_ended:
            self._handled_or_ended.notify_all()
        self._on_report()

    def _read_reports(self) -> bool:
        """Reads the reports of one process until it ends; returns whether it has served."""
        earlier = {path: stats.count for path, stats in self._request_stats.items()}
        served = False
        with self._reports as reports:
            for line in reports:
                with suppress(ValueError, KeyError, TypeError):
                    report: Mapping[str, Any] = json.loads(line)
                    if "port" in report:
                        served = True
                        self._started_or_ended.set()
                    elif "handled" in report:
                        with self._handled_or_ended:
                            self._syncs_handled = max(self._syncs_handled, int(report["handled"]))
                            self._handled_or_ended.notify_all()
                    else:
                        path = report["path"]
                        count = earlier.get(path, 0) + int(report["count"])
                        self._request_stats[path] = RequestStats(float(report["last"]), count)
                        self._on_report()
        return served


def _listen() -> socket.socket:
    """Returns a listening socket on a free port, which no other socket can share."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":
        # Without it, another program there may bind the same port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    return listener
