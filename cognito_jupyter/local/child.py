"""A child process that ends with its parent, also when the parent is killed.

`python -m cognito_jupyter.local.child MODULE [ARG ...]` runs a module as its main program. The parent holds the other
end of standard input: at its end the child's whole process group is ended, grandchildren included.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_STOP_TIMEOUT = 5.0


class ChildProcess:
    """A process in a session of its own, so that the stop button of a terminal does not reach it by itself.

    Args:
        command: What to run; nothing secret, since every user of the machine can read it.
        environment: Its environment; None: this process's.
        folder: Where it runs.
        output: Where its output goes, as for subprocess.
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
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ends the child and all that it started; a second call does nothing."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def supervised_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module as `python -m` does, and ends it with its parent."""
    return [sys.executable, "-m", __name__, module, *arguments]


def exit_with_parent() -> None:
    """Ends this process and its group when standard input ends, which is when the parent is gone."""
    # A descriptor of its own: what runs here may use sys.stdin, and must not inherit the parent's pipe to children.
    pipe = os.dup(0)
    os.set_inheritable(pipe, False)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.close(devnull)
    threading.Thread(target=_watch_parent, args=(pipe,), name="parent-watch", daemon=True).start()


def _watch_parent(pipe: int) -> None:
    with suppress(OSError):
        while os.read(pipe, 4096):
            pass
    kill_process_group()


def kill_process_group() -> None:
    """Ends everything in this process's group, itself included."""
    if sys.platform == "win32":
        os._exit(0)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Runs the module that the arguments name."""
    exit_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
