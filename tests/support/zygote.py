"""Processes that are forked from one which has imported other projects' modules, in place of a new interpreter each.

Most of the processor time of a command, and of a kernel before its first cell, is spent on the imports of botocore,
requests or ipykernel. Everything else is as in a process that subprocess starts: a session of its own, its environment
and folder, its standard streams, and nothing of this package loaded. All processes of a parallel run of pytest share
one zygote of each kind, so that its imports are made once.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from .zygote_program import MAX_MESSAGE

LIBRARIES = ("boto3", "boto3.s3.inject", "cryptography.x509", "jwt", "jwt.jwks_client", "requests", "s3transfer")
"""What a login imports of other projects, without the widgets of a notebook."""
_IN_KERNELS = (
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "argcomplete", "encodings.idna", "faulthandler", "ipykernel.debugger",
    "ipykernel.kernelapp", "psutil", "pydoc", "sqlite3", "tornado.platform.asyncio",
    "traitlets.config.argcomplete_config",
)  # fmt: skip
"""What a kernel has imported once it replies, whichever cells it will run."""
MODULES: Mapping[str, tuple[str, ...]] = {
    "kernels": _IN_KERNELS,
    "kernels-with-libraries": (
        *_IN_KERNELS, *LIBRARIES, "IPython.core.magic_arguments", "IPython.core.magics.extension", "anywidget",
        "difflib", "ipywidgets", "nest_asyncio", "tomllib",
    ),
    "commands": ("argparse", "tomllib", "filelock", "platformdirs", *LIBRARIES),
    "servers": ("jupyter_server.serverapp",),
    "tests": (
        *_IN_KERNELS, *LIBRARIES, "IPython.core.ultratb", "flask", "ipywidgets", "jupyter_client.asynchronous",
        "nbclient", "nbformat", "pytest", "rich.traceback", "trustme", "werkzeug.serving",
    ),
    "moto": (
        "moto.moto_server.werkzeug_app", "moto.iam.urls", "moto.s3.urls", "moto.sts.urls", "moto.iam.access_control",
        "moto.moto_api._internal", "moto.settings", "werkzeug.serving",
    ),
}  # fmt: skip
"""The kinds of zygotes, and what each imports."""
FROZEN = "-Xfrozen_modules=off"
"""The option of the interpreter with which Jupyter starts kernels."""
OWN_INTERPRETER = {"PYTHONHASHSEED": "random"}
"""Variables of a process that is not to be forked: an interpreter reads them when it starts. The value is the usual."""
SHARED_FOLDER = "TESTS_ZYGOTES"
"""The environment variable with the folder of the sockets of the zygotes that all processes of a run share."""
_START_TIMEOUT = 60.0
_END_TIMEOUT = 30.0
_INTERPRETER_VARIABLES = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "COVERAGE_")
"""How the names of variables begin that act when an interpreter starts."""
_APPLIED_LATER = {"PYTHONPATH", "PYTHONIOENCODING"}
"""Those of them that a forked process can apply."""

_STARTUP_VARIABLES = {"COVERAGE_PROCESS_CONFIG", "SIMULATED_SYSTEM"}
"""Variables for which a module that each interpreter imports when it starts does more than set variables."""


class ForkedProcess:
    """A forked process, with the part of subprocess.Popen that its users need.

    Args:
        pipe: What the zygote and the process write to.

    Attributes:
        stdin: The other end of its standard input, if its starter has one and sets it.
        stdout: Likewise that of its standard output.
        stderr: Likewise that of its standard error.
        pid: The process id.
        returncode: The exit code; None while it runs.
    """

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def __init__(self, pipe: int) -> None:
        self._pipe = open(pipe, encoding="ascii")  # noqa: SIM115 - closed when the process has ended
        self.returncode: int | None = None
        self.pid = int(self._read_line(_START_TIMEOUT))

    def poll(self) -> int | None:
        """Returns the exit code; None while it runs."""
        with suppress(TimeoutError):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end, and returns the exit code; that of a kill, if the zygote has ended first."""
        if self.returncode is None:
            self.returncode = int(self._read_line(timeout) or -signal.SIGKILL)
            self._pipe.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _read_line(self, timeout: float | None) -> str:
        if not select.select([self._pipe], [], [], timeout)[0]:
            raise TimeoutError("The zygote has reported nothing.")
        return self._pipe.readline()


class Zygote:
    """The process that others are forked from: the one that all processes of this run share, or else one of its own.

    Args:
        kind: One of `MODULES`.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._connect_lock = threading.Lock()
        self._environment = _of_interpreter(os.environ)

    def can_start(self, environment: Mapping[str, str]) -> bool:
        """Returns whether a process from here is like one from a new interpreter in this environment."""
        return not environment.keys() & _STARTUP_VARIABLES and _of_interpreter(environment) == self._environment

    def start(
        self,
        run: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: str | None = None,
        streams: tuple[int, int, int],
    ) -> ForkedProcess:
        """Starts a process.

        Args:
            run: A module and its function, with a colon in between.
            arguments: Its `sys.argv`.
            environment: Its environment.
            folder: Its folder; None: this process's.
            streams: The descriptors of its standard input, output and error, which the caller closes.
        """
        with self._connect_lock:
            if self._requests is None:
                self._requests = self._connect()
        message = json.dumps(
            {
                "run": run,
                "arguments": list(arguments),
                "environment": dict(environment),
                "folder": folder or str(Path.cwd()),
                "collects_all": self._kind.startswith(("kernels", "commands")),
            }
        ).encode()
        assert len(message) < MAX_MESSAGE
        reader, writer = os.pipe()
        socket.send_fds(self._requests, [message], [*streams, writer])
        os.close(writer)
        return ForkedProcess(reader)

    def _connect(self) -> socket.socket:
        folder = os.environ.get(SHARED_FOLDER)
        if folder is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = _start_program(self._kind, theirs)
            return ours
        requests = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        requests.connect(str(Path(folder, self._kind)))
        return requests

    def close(self) -> None:
        """Ends every process of this one's that still runs, and the zygote itself if it is this process's own."""
        if self._requests is None:
            return
        with self._requests, suppress(ConnectionError):
            self._requests.shutdown(socket.SHUT_WR)
            self._requests.settimeout(_END_TIMEOUT)
            # Until it has killed them, and closes its end.
            self._requests.recv(1)
        if self._process is not None:
            self._process.wait(_END_TIMEOUT)


@contextmanager
def shared_zygotes() -> Iterator[Path]:
    """Has this process and those that it starts share one zygote of each kind; each imports its modules when wanted.

    Yields:
        The folder with a socket of each zygote.
    """
    with tempfile.TemporaryDirectory(prefix="z-") as folder:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                processes = [_start_listening(kind, theirs, Path(folder, kind)) for kind in MODULES]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(SHARED_FOLDER, folder)
                yield Path(folder)
        for process in processes:
            process.wait(_END_TIMEOUT)


def worker_command(folder: Path) -> str | None:
    """Returns the command with which pytest-xdist forks its processes, where that makes no difference; None: it does.

    Args:
        folder: The folder of the shared zygotes.
    """
    if os.environ.keys() & _STARTUP_VARIABLES:
        return None
    return shlex.join([sys.executable, str(Path(__file__).with_name("forked_worker.py")), str(folder / "tests")])


def _start_listening(kind: str, owner: socket.socket, path: Path) -> subprocess.Popen[bytes]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
        listening.listen()
        return _start_program(kind, owner, listening)


def _start_program(kind: str, owner: socket.socket, listening: socket.socket | None = None) -> subprocess.Popen[bytes]:
    program = str(Path(__file__).with_name("zygote_program.py"))
    listens = "-" if listening is None else str(listening.fileno())
    return subprocess.Popen(
        [sys.executable, FROZEN, program, listens, *MODULES[kind]],
        stdin=owner.fileno(),
        pass_fds=[] if listening is None else [listening.fileno()],
        # ipykernel reads the second variable when it is imported.
        env={name: value for name, value in os.environ.items() if name not in _APPLIED_LATER}
        | {"JPY_PARENT_PID": str(os.getpid())},
        start_new_session=True,
    )


def _of_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_INTERPRETER_VARIABLES) and name not in _APPLIED_LATER
    }
