"""Processes that are forked from one which has imported other projects' modules, in place of a new interpreter each.

Most of the processor time of a command, and of a kernel before its first cell, is spent on the imports of botocore,
requests or ipykernel. Everything else is as in a process that subprocess starts: a session of its own, its environment
and folder, its standard streams, and nothing of this package loaded.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .zygote_program import MAX_MESSAGE

LIBRARIES = ("boto3", "boto3.s3.inject", "cryptography.x509", "jwt", "jwt.jwks_client", "requests", "s3transfer")
"""What a login imports of other projects, widgets excepted."""
FROZEN = "-Xfrozen_modules=off"
"""The option of the interpreter with which Jupyter starts kernels."""
OWN_INTERPRETER = {"PYTHONHASHSEED": "random"}
"""Variables of a process that is not to be forked: an interpreter reads them when it starts. The value is the usual."""
_START_TIMEOUT = 60.0
_INTERPRETER_VARIABLES = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "COVERAGE_")
"""How the names of variables begin that act when an interpreter starts; PYTHONPATH alone can be applied later."""

_STARTUP_VARIABLES = {"COVERAGE_PROCESS_CONFIG", "SIMULATED_SYSTEM"}
"""Variables for which a module that each interpreter imports when it starts does more than set variables."""


class ForkedProcess:
    """A forked process, with the part of subprocess.Popen that its users need.

    Args:
        pipe: What the zygote and the process write to.

    Attributes:
        pid: The process id.
        returncode: The exit code; None while it runs.
    """

    stdin = stdout = stderr = None

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
    """The process that others are forked from; it starts with the first of them.

    Args:
        modules: What it imports.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._requests, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
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
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, FROZEN, str(Path(__file__).with_name("zygote_program.py")), *self._modules],
                stdin=self._theirs.fileno(),
                # ipykernel reads the second variable when it is imported.
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
                | {"JPY_PARENT_PID": str(os.getpid())},
                start_new_session=True,
            )
            self._theirs.close()
        message = json.dumps(
            {
                "run": run,
                "arguments": list(arguments),
                "environment": dict(environment),
                "folder": folder or str(Path.cwd()),
            }
        ).encode()
        assert len(message) < MAX_MESSAGE
        reader, writer = os.pipe()
        socket.send_fds(self._requests, [message], [*streams, writer])
        os.close(writer)
        return ForkedProcess(reader)

    def close(self) -> None:
        """Ends it, and every process of it that still runs."""
        self._requests.close()
        if self._process is None:
            self._theirs.close()
        else:
            self._process.wait(30)


def _of_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_INTERPRETER_VARIABLES) and name != "PYTHONPATH"
    }
