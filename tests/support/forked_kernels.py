"""Kernels that are forked from a process which has imported ipykernel, in place of a new interpreter for each of them.

To import ipykernel is three quarters of what a kernel costs before its first cell. Everything else is as in a kernel
that Jupyter starts: a process and a session of its own, its environment and folder, and nothing of this package loaded.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .kernel_zygote import MAX_MESSAGE

_START_TIMEOUT = 60.0
_ARGUMENTS = ("-Xfrozen_modules=off", "-m", "ipykernel_launcher")
"""What stands between the interpreter and a kernel's own arguments."""
_INTERPRETER_VARIABLES = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "COVERAGE_")
"""How the names of variables begin that act when an interpreter starts; PYTHONPATH alone can be applied later."""


class ForkedKernel:
    """A forked kernel, with the part of subprocess.Popen that jupyter_client uses.

    Args:
        pipe: What the zygote and the kernel write to.

    Attributes:
        pid: The process id.
        returncode: The exit code; None while it runs.
    """

    stdin = stdout = stderr = None

    def __init__(self, pipe: int) -> None:
        self._pipe = open(pipe, encoding="ascii")  # noqa: SIM115 - closed when the kernel has ended
        self.returncode: int | None = None
        if not select.select([pipe], [], [], _START_TIMEOUT)[0]:
            raise TimeoutError("The zygote has not started a kernel.")
        self.pid = int(self._pipe.readline())

    def poll(self) -> int | None:
        """Returns the exit code; None while it runs."""
        if self.returncode is None and select.select([self._pipe], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Waits for the end, and returns the exit code; that of a kill, if the zygote has ended first."""
        if self.returncode is None:
            self.returncode = int(self._pipe.readline() or -9)
            self._pipe.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.send_signal(15)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(9)


class KernelZygote:
    """The process that kernels are forked from; it starts with the first of them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = _of_interpreter(os.environ)
        # Set by jupyter_client too: a kernel watches whether this process lives.
        self._parent = {"JPY_PARENT_PID": str(os.getpid())}

    def can_start(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Returns whether a kernel from here is like one from a new interpreter.

        Args:
            command: Its command line.
            environment: Its environment.
        """
        options = tuple(command[1 : command.index("-f")]) if "-f" in command else ()
        return (
            command[0] == sys.executable
            and options in {_ARGUMENTS, _ARGUMENTS[1:]}
            and _of_interpreter(environment) == self._environment
            and "COVERAGE_PROCESS_CONFIG" not in environment
        )

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str | None, errors: int | None
    ) -> ForkedKernel:
        """Starts a kernel.

        Args:
            command: Its command line.
            environment: Its environment.
            folder: Its folder; None: this process's.
            errors: Where its standard error goes, as for subprocess.
        """
        if self._process is None:
            program = str(Path(__file__).with_name("kernel_zygote.py"))
            # ipykernel reads the second variable when it is imported.
            environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | self._parent
            self._process = subprocess.Popen(
                [sys.executable, _ARGUMENTS[0], program],
                stdin=self._theirs.fileno(),
                env=environ,
                start_new_session=True,
            )
            self._theirs.close()
        launcher = find_spec("ipykernel_launcher")
        assert launcher is not None
        message = {
            "command": [launcher.origin, *command[command.index("-f") :]],
            "environment": {**environment, **self._parent},
            "folder": folder or str(Path.cwd()),
        }
        data = json.dumps(message).encode()
        assert len(data) < MAX_MESSAGE
        reader, writer = os.pipe()
        with open(os.devnull, "wb") as devnull:
            error_output = devnull.fileno() if errors == subprocess.DEVNULL else 2
            socket.send_fds(self._requests, [data], [1, error_output, writer])
        os.close(writer)
        return ForkedKernel(reader)

    def close(self) -> None:
        """Ends it, and every kernel that still runs."""
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


class _EntryPoint:
    """What jupyter_client's factory expects of a kind of provisioner."""

    name = "forked"

    def __init__(self, zygote: KernelZygote) -> None:
        self._zygote = zygote

    def load(self) -> type[LocalProvisioner]:
        zygote = self._zygote

        class ForkedProvisioner(LocalProvisioner):
            """Forks a kernel where that makes no difference, and otherwise starts an interpreter."""

            async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
                if not zygote.can_start(cmd, kwargs["env"]):
                    return await super().launch_kernel(cmd, **kwargs)
                kernel = zygote.start(cmd, kwargs["env"], kwargs.get("cwd"), kwargs.get("stderr"))
                self.process = cast("Any", kernel)
                self.pid = self.pgid = kernel.pid
                self.cwd = kwargs.get("cwd", Path.cwd())
                return self.connection_info

        return ForkedProvisioner


@contextmanager
def forked_kernels() -> Iterator[None]:
    """Lets every kernel that this process starts be forked, where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield
        return
    factory = KernelProvisionerFactory.instance()
    zygote = KernelZygote()
    factory.provisioners[_EntryPoint.name] = cast("Any", _EntryPoint(zygote))
    factory.default_provisioner_name = _EntryPoint.name
    yield
    factory.default_provisioner_name = factory._default_provisioner_name_default()
    del factory.provisioners[_EntryPoint.name]
    zygote.close()
