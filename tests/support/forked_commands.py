"""`cognito-jupyter` in processes forked from one which has imported what its commands need of other projects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .zygote import ForkedProcess, Zygote

SCRIPT = shutil.which("cognito-jupyter", path=str(Path(sys.executable).parent)) or ""
"""The command of this environment; on Windows its name has an extension."""


class Command:
    """A command that runs, with pipes to its standard streams.

    Args:
        stdin: The other end of its standard input.
        stdout: That of its standard output.
        stderr: That of its standard error.
        process: The process.
    """

    def __init__(
        self, stdin: IO[str], stdout: IO[str], stderr: IO[str], process: subprocess.Popen[str] | ForkedProcess
    ) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._process = process

    def wait(self, timeout: float) -> int:
        """Waits for its end, closes the pipes, and returns the exit code."""
        code = self._process.wait(timeout)
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
        return code


StartCommand = Callable[[Sequence[str], Mapping[str, str]], Command]
"""Starts `cognito-jupyter` with arguments, in an environment."""


def start_command(words: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Starts it as a shell does."""
    process = subprocess.Popen(
        [SCRIPT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return Command(process.stdin, process.stdout, process.stderr, process)


@contextmanager
def forked_commands() -> Iterator[StartCommand]:
    """Yields a function that forks commands where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield start_command
        return
    zygote = Zygote("commands")

    def start(words: Sequence[str], environment: Mapping[str, str]) -> Command:
        if not zygote.can_start(environment):
            return start_command(words, environment)
        (stdin, ours_in), (ours_out, stdout), (ours_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        process = zygote.start(
            "cognito_jupyter.cli.main:main", [SCRIPT, *words], environment, streams=(stdin, stdout, stderr)
        )
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        return Command(open(ours_in, "w"), open(ours_out), open(ours_err), process)

    yield start
    zygote.close()
