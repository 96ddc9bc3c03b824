"""A process that has imported some modules, and forks into others: `python zygote_program.py MODULE ...`.

Standard input is a Unix socket. Each message on it describes one process as JSON: what it runs, its arguments, its
environment and its folder. With it come four descriptors: the process's standard input, output and error, and a pipe.
The process id goes into that pipe once the process has a session of its own, and its exit code when it has ended. When
the socket closes, this program ends, and every process with it. It imports nothing of this project.
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

MAX_MESSAGE = 200_000
Forked = dict[str, Any]
"""What a message says, and its descriptors."""


class Zygote:
    """Forks processes, and notices their ends.

    Args:
        requests: The socket with the messages.
    """

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._pipes: dict[int, int] = {}
        self._wakeups, self._wakeup_writer = socket.socketpair()
        self._wakeups.setblocking(False)
        self._wakeup_writer.setblocking(False)

    def serve(self) -> Forked | None:
        """Serves until the socket closes, then kills the processes that still run, with their children.

        Returns:
            In a forked process, what it is to be; otherwise None.
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
                    message, descriptors, _, _ = socket.recv_fds(self._requests, MAX_MESSAGE, 4, flags)
                    if not message:
                        break
                    forked = {**json.loads(message), "descriptors": descriptors}
                    if self._fork(forked):
                        return forked
        for pid in self._pipes:
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        return None

    def _fork(self, forked: Forked) -> bool:
        """Forks, and returns whether this is the new process, which has nothing of the old one."""
        *standard, pipe = forked["descriptors"]
        pid = os.fork()
        if pid:
            self._pipes[pid] = pipe
            for descriptor in standard:
                os.close(descriptor)
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
                # The other end is closed if its starter has no use for it.
                with suppress(OSError):
                    os.write(pipe, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
                os.close(pipe)


def run(forked: Forked) -> None:
    """Becomes another process: `run` names a module and its function, which has no arguments."""
    *standard, pipe = forked["descriptors"]
    os.setsid()
    os.write(pipe, f"{os.getpid()}\n".encode())
    os.close(pipe)
    for target, source in enumerate(standard):
        os.dup2(source, target)
        os.close(source)
    sys.stdin = open(0, encoding=sys.stdin.encoding, closefd=False)  # noqa: SIM115 - they stay open
    sys.stdout = open(1, "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115 - likewise
    sys.stderr = open(  # noqa: SIM115 - likewise
        2, "w", 1, encoding=sys.stderr.encoding, errors="backslashreplace", closefd=False
    )
    os.environ.clear()
    os.environ.update(forked["environment"])
    time.tzset()
    os.chdir(forked["folder"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = forked["arguments"]
    module, _, function = forked["run"].partition(":")
    sys.exit(getattr(importlib.import_module(module), function)())


def main() -> None:
    """Imports the modules that there are, and serves."""
    # The folder of this file, which no forked process has on its path.
    del sys.path[0]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in sys.argv[1:]:
        with suppress(ImportError):
            importlib.import_module(module)
    assert threading.active_count() == 1, "A process with threads cannot fork safely."
    gc.collect()
    gc.freeze()
    forked = Zygote(socket.socket(fileno=os.dup(0))).serve()
    if forked is not None:
        run(forked)


if __name__ == "__main__":
    main()
