"""A process that has imported some modules, and forks into others: `python zygote_program.py LISTENING MODULE ...`.

Standard input is the Unix socket of its owner. LISTENING is the descriptor of another one, to which further clients
connect, or a hyphen. Each message of a client describes one process as JSON: what it runs, its arguments, its
environment and its folder. With it come four descriptors: the process's standard input, output and error, and a pipe.
The process id goes into that pipe once the process has a session of its own, and its exit code when it has ended. When
a client closes its socket, its processes are killed; when the owner does, this program ends too. It imports the modules
when a client wants something for the first time, and leaves nothing of this project imported.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
import types
from contextlib import suppress
from typing import Any

MAX_MESSAGE = 200_000
Forked = dict[str, Any]
"""What a message says, and its descriptors."""


class Zygote:
    """Forks processes, and notices their ends.

    Args:
        owner: The socket of the client at whose end it ends.
        listening: The socket to which other clients connect; None: there are no others.
    """

    def __init__(self, owner: socket.socket, listening: socket.socket | None) -> None:
        self._owner = owner
        self._listening = listening
        self._clients: dict[socket.socket, set[int]] = {owner: set()}
        self._pipes: dict[int, int] = {}
        self._wakeups, self._wakeup_writer = socket.socketpair()
        self._wakeups.setblocking(False)
        self._wakeup_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()

    def serve(self) -> Forked | None:
        """Serves until the owner's socket closes, then kills the processes that still run, with their children.

        Returns:
            In a forked process, what it is to be; otherwise None.
        """
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno())
        for each in (self._wakeups, self._owner, *([self._listening] if self._listening is not None else [])):
            self._selector.register(each, selectors.EVENT_READ)
        while self._owner in self._clients:
            for ready in [key.fileobj for key, _ in self._selector.select()]:
                assert isinstance(ready, socket.socket)
                if ready is self._wakeups:
                    self._report_ended()
                elif ready is self._listening:
                    client = ready.accept()[0]
                    self._clients[client] = set()
                    self._selector.register(client, selectors.EVENT_READ)
                elif (forked := self._serve_client(ready)) is not None:
                    return forked
        for client in [*self._clients]:
            self._dismiss(client)
        return None

    def _serve_client(self, client: socket.socket) -> Forked | None:
        """Serves one request; returns, in the new process, what it is to be."""
        message, descriptors, _, _ = socket.recv_fds(client, MAX_MESSAGE, 4, socket.MSG_CMSG_CLOEXEC)
        if not message:
            self._dismiss(client)
            return None
        forked = {**json.loads(message), "descriptors": descriptors}
        return forked if self._fork(forked, client) else None

    def _dismiss(self, client: socket.socket) -> None:
        for pid in self._clients.pop(client):
            # It has no group of its own yet if it has only just been forked.
            for kill in (os.killpg, os.kill):
                with suppress(OSError):
                    kill(pid, signal.SIGKILL)
        self._selector.unregister(client)
        client.close()

    def _fork(self, forked: Forked, client: socket.socket) -> bool:
        """Forks, and returns whether this is the new process, which has nothing of the old one."""
        *standard, pipe = forked["descriptors"]
        pid = os.fork()
        if pid:
            self._pipes[pid] = pipe
            self._clients[client].add(pid)
            for descriptor in standard:
                os.close(descriptor)
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        for each in (*self._clients, self._listening, self._wakeups, self._wakeup_writer):
            if each is not None:
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
                for processes in self._clients.values():
                    processes.discard(ended[0])
                # The other end is closed if its starter has no use for it.
                with suppress(OSError):
                    os.write(pipe, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
                os.close(pipe)


def run(forked: Forked) -> None:
    """Becomes another process: `run` names a module and its function, which has no arguments.

    With `collects_all` the garbage collector sees what the zygote has imported, as it does where a process has imported
    that itself. This package counts the frozen objects before each large import, which takes a hundredth of a second
    each time if all of them are.
    """
    *standard, pipe = forked["descriptors"]
    os.setsid()
    os.write(pipe, f"{os.getpid()}\n".encode())
    os.close(pipe)
    for target, source in enumerate(standard):
        os.dup2(source, target)
        os.close(source)
    # As an interpreter does when it starts.
    encoding, _, errors = forked["environment"].get("PYTHONIOENCODING", "").partition(":")
    errors = errors or ("strict" if encoding else sys.stdout.errors)
    encoding = encoding or sys.stdout.encoding
    sys.stdin = open(0, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115 - they stay open
    sys.stdout = open(1, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115 - likewise
    sys.stderr = open(  # noqa: SIM115 - likewise
        2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False
    )
    os.environ.clear()
    os.environ.update(forked["environment"])
    time.tzset()
    if "moto.moto_api._internal" in sys.modules:
        # The generator of its ids, which is the same in all forked processes; Python's own is seeded anew in each.
        importlib.import_module("moto.moto_api._internal").mock_random.seed()
    if forked["collects_all"]:
        gc.unfreeze()
    os.chdir(forked["folder"])
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = forked["arguments"]
    module, _, function = forked["run"].partition(":")
    try:
        sys.exit(getattr(importlib.import_module(module), function)())
    except SystemExit as ended:
        end(ended.code)


def end(code: str | int | None) -> None:
    """Ends this process as an interpreter does, but leaves its memory to the system.

    An interpreter also frees each object. Here that would copy all memory that is shared with the zygote, which takes
    longer than most commands run. `multiprocessing` ends its forked processes in the same way.

    Args:
        code: That of the SystemExit.
    """
    # What is registered with atexit may collect garbage, which would copy that memory, too.
    gc.freeze()
    if code is None or isinstance(code, int):
        # The threads that are no daemons, and what the libraries do when a program ends.
        threading._shutdown()  # type: ignore[attr-defined] # as multiprocessing does
        atexit._run_exitfuncs()  # likewise
        with suppress(OSError, ValueError):
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:
                    stream.flush()
            os._exit((code or 0) & 0xFF)
    # A message is printed in place of a code that is none; what cannot be written has a code of its own.
    sys.exit(code)


def execute() -> None:
    """Runs a program as `python -c` does; its text is the first argument."""
    program = sys.argv.pop()
    main_module = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(program, vars(main_module))


def is_wanted(owner: socket.socket, listening: socket.socket | None) -> bool:
    """Waits for the first client that wants something; returns False if the owner ends before."""
    clients = [owner] if listening is None else [owner, listening]
    ready, _, _ = select.select(clients, [], [])
    return listening in ready or bool(owner.recv(1, socket.MSG_PEEK))


def _forget_widgets() -> None:
    """Lets each kernel import both packages itself, which takes it a few milliseconds now.

    ipywidgets registers with the shell that there is when it is imported. The modules of its widgets stay.
    """
    for name in [*sys.modules]:
        if name in {"ipywidgets", "ipywidgets.widgets"} or name.partition(".")[0] == "anywidget":
            del sys.modules[name]


def _read_botocore_files(folder: str) -> None:
    """Lets each forked process have what botocore reads for its first clients: a third of what a login takes there."""
    sys.path.insert(0, folder)
    botocore_files = importlib.import_module("botocore_files")
    del sys.path[0], sys.modules["botocore_files"]
    botocore_files.share_botocore_files()
    botocore_files.share_botocore_events()
    botocore_files.read_botocore_files()


def main() -> None:
    """Imports the modules that there are, once they are wanted, and serves."""
    # The folder of this file, which no forked process has on its path.
    folder = sys.path.pop(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    owner = socket.socket(fileno=os.dup(0))
    listening = None if sys.argv[1] == "-" else socket.socket(fileno=int(sys.argv[1]))
    if not is_wanted(owner, listening):
        return
    # jsonschema checks addresses with this package where it can be imported, which takes a second. A forked process may
    # import it nevertheless.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment] # so that its import fails
    for module in sys.argv[2:]:
        with suppress(ImportError):
            importlib.import_module(module)
    del sys.modules["rfc3987_syntax"]
    if "boto3" in sys.argv[2:] and "boto3" in sys.modules:
        _read_botocore_files(folder)
    if "anywidget" in sys.argv[2:]:
        _forget_widgets()
    assert threading.active_count() == 1, "A process with threads cannot fork safely."
    gc.collect()
    gc.freeze()
    forked = Zygote(owner, listening).serve()
    if forked is not None:
        run(forked)


if __name__ == "__main__":
    main()
