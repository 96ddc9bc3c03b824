"""A process that has imported what every kernel imports, and forks into kernels: `python kernel_zygote.py`.

Standard input is a Unix socket. Each message on it is the command line, the environment and the folder of one kernel,
as JSON, with three descriptors: its standard output, its standard error, and a pipe. The kernel's process id goes into
that pipe once the kernel has a session of its own, and its exit code when it has ended. When the socket closes, this
process ends, and every kernel with it. It imports nothing of this project.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

_MODULES = (
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.extensions.storemagic", "argcomplete",
    "encodings.idna", "ipykernel.debugger", "ipykernel.kernelapp", "psutil", "pydoc", "sqlite3",
    "tornado.platform.asyncio",
)  # fmt: skip
"""What a kernel has imported once it replies, whichever cells it will run."""
MAX_MESSAGE = 200_000


Kernel = dict[str, Any]
"""Command, environment and folder of a kernel, and its descriptors."""


class Zygote:
    """Starts kernels, and notices their ends.

    Args:
        requests: The socket with the messages.
    """

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._pipes: dict[int, int] = {}
        self._wakeups, self._wakeup_writer = socket.socketpair()
        self._wakeups.setblocking(False)
        self._wakeup_writer.setblocking(False)

    def serve(self) -> Kernel | None:
        """Serves until the socket closes, then kills the kernels that still run, with their children.

        Returns:
            In a forked process, the kernel that it is to be; otherwise None.
        """
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno())
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ)
            selector.register(self._wakeups, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wakeups in ready:
                    self._report_ended()
                if self._requests in ready:
                    flags = socket.MSG_CMSG_CLOEXEC
                    message, descriptors, _, _ = socket.recv_fds(self._requests, MAX_MESSAGE, 3, flags)
                    if not message:
                        break
                    kernel = {**json.loads(message), "descriptors": descriptors}
                    if self._fork(kernel):
                        return kernel
        for pid in self._pipes:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        return None

    def _fork(self, kernel: Kernel) -> bool:
        """Forks, and returns whether this is the new process, which has nothing of the old one."""
        output, errors, pipe = kernel["descriptors"]
        pid = os.fork()
        if pid:
            self._pipes[pid] = pipe
            os.close(output)
            os.close(errors)
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in (self._requests, self._wakeups, self._wakeup_writer):
            each.close()
        for other in self._pipes.values():
            os.close(other)
        return True

    def _report_ended(self) -> None:
        with suppress(BlockingIOError):
            while self._wakeups.recv(100):
                pass
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pipe = self._pipes.pop(ended[0])
                # The other end is closed if nobody waits for this kernel any more.
                with suppress(OSError):
                    os.write(pipe, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
                os.close(pipe)


def run_kernel(kernel: Kernel) -> None:
    """Does what `python -m ipykernel_launcher` does in this process, which becomes the kernel."""
    output, errors, pipe = kernel["descriptors"]
    os.setsid()
    os.write(pipe, f"{os.getpid()}\n".encode())
    os.close(pipe)
    nothing, writer = os.pipe()
    os.close(writer)
    for target, source in enumerate((nothing, output, errors)):
        os.dup2(source, target)
        os.close(source)
    os.environ.clear()
    os.environ.update(kernel["environment"])
    time.tzset()
    os.chdir(kernel["folder"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = kernel["command"]
    launcher = importlib.import_module("ipykernel.kernelapp")
    launcher.launch_new_instance()


def main() -> None:
    """Imports what kernels import, and serves."""
    # The folder of this file, which no kernel has on its path.
    del sys.path[0]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in _MODULES:
        with suppress(ImportError):
            importlib.import_module(module)
    assert threading.active_count() == 1, "A process with threads cannot fork safely."
    gc.collect()
    gc.freeze()
    kernel = Zygote(socket.socket(fileno=os.dup(0))).serve()
    if kernel is not None:
        run_kernel(kernel)


if __name__ == "__main__":
    main()
