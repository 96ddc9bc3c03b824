"""`cognito-jupyter`, and programs with boto3, in processes forked from one which has imported what they need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .systems import output_encoding
from .zygote import ForkedProcess, Zygote

SCRIPT = shutil.which("cognito-jupyter", path=str(Path(sys.executable).parent)) or ""
"""The command of this environment; on Windows its name has an extension."""
_TIMEOUT = 60.0


class Command:
    """A command that runs, with pipes to its standard streams.

    Args:
        stdin: The other end of its standard input.
        stdout: That of its standard output.
        stderr: That of its standard error.
        process: The process.
    """

    def __init__(
        self, stdin: IO[str], stdout: IO[str], stderr: IO[str], process: subprocess.Popen[bytes] | ForkedProcess
    ) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._process = process

    def wait(self, timeout: float) -> int:
        """Waits for its end, closes the pipes, and returns the exit code."""
        code = self._process.wait(timeout)
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
        return code


class Commands:
    """Starts `cognito-jupyter` as a shell does.

    Args:
        zygote: What forks the commands, where that makes no difference; None: each has an interpreter of its own.
    """

    def __init__(self, zygote: Zygote | None = None) -> None:
        self._zygote = zygote

    def start(
        self, words: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int, int]
    ) -> subprocess.Popen[bytes] | ForkedProcess:
        """Starts a command.

        Args:
            words: Its arguments.
            environment: All of its environment.
            streams: The descriptors of its standard input, output and error, which the caller closes.
        """
        if self._zygote is not None and self._zygote.can_start(environment):
            arguments = [SCRIPT, *words]
            return self._zygote.start("cognito_jupyter.cli.main:main", arguments, environment, streams=streams)
        stdin, stdout, stderr = streams
        return subprocess.Popen([SCRIPT, *words], stdin=stdin, stdout=stdout, stderr=stderr, env=dict(environment))

    def start_with_pipes(self, words: Sequence[str], environment: Mapping[str, str]) -> Command:
        """Starts a command with which the caller talks.

        Args:
            words: Its arguments.
            environment: All of its environment.
        """
        (stdin, ours_in), (ours_out, stdout), (ours_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        process = self.start(words, environment, (stdin, stdout, stderr))
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        return Command(open(ours_in, "w"), open(ours_out), open(ours_err), process)

    def run(
        self, words: Sequence[str], environment: Mapping[str, str] = os.environ
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, without an input.

        Args:
            words: Its arguments.
            environment: All of its environment.
        """
        return _run_to_end([SCRIPT, *words], environment, lambda streams: self.start(words, environment, streams))

    def run_program(self, program: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs a program of Python to its end, as `python -c` does, without an input.

        Args:
            program: The source.
            environment: All of its environment.
        """
        arguments = ["-c", program]

        def start(streams: tuple[int, int, int]) -> subprocess.Popen[bytes] | ForkedProcess:
            if self._zygote is not None and self._zygote.can_start(environment):
                return self._zygote.start("__main__:execute", arguments, environment, streams=streams)
            stdin, stdout, stderr = streams
            command = [sys.executable, *arguments]
            return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=dict(environment))

        return _run_to_end([sys.executable, *arguments], environment, start)


def _run_to_end(
    command: list[str],
    environment: Mapping[str, str],
    start: Callable[[tuple[int, int, int]], subprocess.Popen[bytes] | ForkedProcess],
) -> subprocess.CompletedProcess[str]:
    encoding = output_encoding(environment)
    with (
        open(os.devnull) as stdin,
        tempfile.TemporaryFile("w+", encoding=encoding, errors="replace") as stdout,
        tempfile.TemporaryFile("w+", encoding=encoding, errors="replace") as stderr,
    ):
        code = start((stdin.fileno(), stdout.fileno(), stderr.fileno())).wait(_TIMEOUT)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, code, stdout.read(), stderr.read())


@contextmanager
def forked_commands() -> Iterator[Commands]:
    """Yields what forks commands where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield Commands()
        return
    zygote = Zygote("commands")
    yield Commands(zygote)
    zygote.close()
