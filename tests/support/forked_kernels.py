"""Kernels that are forked from a process which has imported what every kernel imports.

It has also imported the libraries that a login needs, as a notebook that uses boto3 has; for the tests of a kernel's
first login, in `nox -s kernel6`, it has not. Most kernels of `nox -s fronts` have an environment of their own, and
so an interpreter of their own.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .zygote import FROZEN, ForkedProcess, Zygote

IN_JUPYTER_SERVER = """
import sys
sys.path.insert(0, {folder!r})
from tests.support.forked_kernels import fork_kernels_for_good
fork_kernels_for_good()
"""
"""A Jupyter server's configuration with which its kernels are forked; {folder} is this repository's."""
WITHOUT_LIBRARIES = "KERNELS_WITHOUT_LIBRARIES"
"""The environment variable with which kernels import what a login needs when it needs it."""
_END_TIMEOUT = 5.0
_LAUNCHER = ("-m", "ipykernel_launcher")


def _is_plain(command: Sequence[str]) -> bool:
    """Returns whether a command line starts a kernel of this environment, with no further options."""
    options = tuple(command[1 : command.index("-f")]) if "-f" in command else ()
    return command[0] == sys.executable and options in {(FROZEN, *_LAUNCHER), _LAUNCHER}


def _start_kernel(
    zygote: Zygote, command: Sequence[str], environment: Mapping[str, str], folder: str | None, errors: int | None
) -> ForkedProcess:
    launcher = find_spec("ipykernel_launcher")
    assert launcher is not None
    arguments = [str(launcher.origin), *command[command.index("-f") :]]
    # As jupyter_client has it: a pipe that nothing is ever written to.
    nothing, writer = os.pipe()
    os.close(writer)
    with open(os.devnull, "wb") as devnull, open(nothing, "rb"):
        error_output = devnull.fileno() if errors == subprocess.DEVNULL else 2
        return zygote.start(
            "ipykernel.kernelapp:launch_new_instance",
            arguments,
            {**environment, "JPY_PARENT_PID": str(os.getpid())},
            folder=folder,
            streams=(nothing, 1, error_output),
        )


class _EntryPoint:
    """What jupyter_client's factory expects of a kind of provisioner."""

    name = "forked"

    def __init__(self, plain: Zygote, with_libraries: Zygote) -> None:
        self._plain = plain
        self._with_libraries = with_libraries

    def load(self) -> type[LocalProvisioner]:
        zygote = self._plain if os.environ.get(WITHOUT_LIBRARIES) else self._with_libraries

        class ForkedProvisioner(LocalProvisioner):
            """Forks a kernel where that makes no difference, and otherwise starts an interpreter."""

            async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
                if not (_is_plain(cmd) and zygote.can_start(kwargs["env"])):
                    return await super().launch_kernel(cmd, **kwargs)
                kernel = _start_kernel(zygote, cmd, kwargs["env"], kwargs.get("cwd"), kwargs.get("stderr"))
                self.process = cast("Any", kernel)
                self.pid = self.pgid = kernel.pid
                self.cwd = kwargs.get("cwd", Path.cwd())
                return self.connection_info

            async def kill(self, restart: bool = False) -> None:
                """Kills it, and waits for its end, for which jupyter_client looks once in a tenth of a second."""
                await super().kill(restart=restart)
                if isinstance(self.process, ForkedProcess):
                    with suppress(TimeoutError):
                        self.process.wait(_END_TIMEOUT)

        return ForkedProvisioner


def fork_kernels_for_good() -> None:
    """Does the same until this process ends, and its zygote with it; a second call does nothing."""
    if _EntryPoint.name not in KernelProvisionerFactory.instance().provisioners:
        forks = forked_kernels()
        forks.__enter__()
        # An iterator that is collected would end at once.
        atexit.register(forks.__exit__, None, None, None)


@contextmanager
def forked_kernels() -> Iterator[None]:
    """Lets every kernel that this process starts be forked, where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield
        return
    factory = KernelProvisionerFactory.instance()
    zygotes = Zygote("kernels"), Zygote("kernels-with-libraries")
    factory.provisioners[_EntryPoint.name] = cast("Any", _EntryPoint(*zygotes))
    factory.default_provisioner_name = _EntryPoint.name
    yield
    factory.default_provisioner_name = factory._default_provisioner_name_default()
    del factory.provisioners[_EntryPoint.name]
    for zygote in zygotes:
        zygote.close()
