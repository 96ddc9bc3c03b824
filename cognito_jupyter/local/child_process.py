"""A child process that ends with its parent, even if the parent is killed.

`python -m cognito_jupyter.local.child_process MODULE [ARG ...]` runs a module as its main program. The parent holds the
other end of standard input. When that end closes, the child's whole process group is killed, grandchildren included.
"""

from __future__ import annotations

import os
import runpy
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_STOP_TIMEOUT = 5.0
"""Seconds that a child has to end after its standard input was closed."""

_EXTENDED_LIMIT_INFORMATION = 9
_LIMIT_FLAGS_OFFSET = 16
_KILL_ON_JOB_CLOSE = 0x2000


class ChildProcess:
    """A process in a session of its own, so that Ctrl-C in the terminal does not interrupt it directly.

    Args:
        command: The command line. It must contain no secret, since every user of the machine can read it.
        environment: The environment; None: this process's.
        folder: The working directory; None: this process's.
        output: Where its standard output goes, as for subprocess.

    Attributes:
        process: The process.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        output: int | None = None,
    ) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own modules
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ends the child and all its descendants; a second call does nothing."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        deadline = time.monotonic() + _STOP_TIMEOUT
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)  # on Windows, Ctrl-C does not end `Popen.wait`
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def supervised_command(module: str, *arguments: str) -> list[str]:
    """Returns the command line that runs a module as `python -m` does, and ends it with its parent."""
    return [sys.executable, "-m", __name__, module, *arguments]


def main() -> None:
    """Runs the module that the arguments name, and kills this process and its group when standard input ends."""
    # Duplicate the descriptor: the module that runs here may use sys.stdin, and its children must not inherit the pipe.
    pipe = os.dup(0)
    os.set_inheritable(pipe, False)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.close(devnull)
    _end_descendants_with_this_process()
    threading.Thread(target=_watch_parent, args=(pipe,), name="parent-watch", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_descendants_with_this_process() -> None:
    """Has Windows end whatever this process starts when this process ends; elsewhere that is its process group.

    Otherwise a kernel would live on for a while, and its working folder could not be removed. A job does so that this
    process is in: https://learn.microsoft.com/windows/win32/procthread/job-objects
    """
    if sys.platform != "win32":
        return
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.CreateJobObjectW.restype = kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel32.CreateJobObjectW(None, None))
    # JOBOBJECT_EXTENDED_LIMIT_INFORMATION, of which only the limits' flags are set.
    limits = ctypes.create_string_buffer(144 if sys.maxsize > 1 << 32 else 112)
    struct.pack_into("I", limits, _LIMIT_FLAGS_OFFSET, _KILL_ON_JOB_CLOSE)
    kernel32.SetInformationJobObject(job, _EXTENDED_LIMIT_INFORMATION, limits, len(limits))
    # The handle stays open: Windows closes it, and so ends the job, when this process ends.
    kernel32.AssignProcessToJobObject(job, ctypes.c_void_p(kernel32.GetCurrentProcess()))


def _watch_parent(pipe: int) -> None:
    with suppress(OSError):
        while os.read(pipe, 4096):
            pass
    if sys.platform == "win32":
        os._exit(0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
