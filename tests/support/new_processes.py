"""Processes of multiprocessing that have nothing of this one, and start faster than an interpreter each."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .systems import output_encoding
from .zygote import LIBRARIES

_PRELOADED = (
    *LIBRARIES, "filelock", "platformdirs", "tests.support.forkserver_preload", "tests.support.shared_kernels",
)  # fmt: skip

_TIMEOUT = 100.0


def new_process_context() -> Any:
    """Returns the context: on Linux they are forked from a process that has imported modules, and no more."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED])
    return context


def new_process_pool(count: int) -> Any:
    """Returns a pool of processes, in this process's environment of now: that of the first would stay otherwise.

    Args:
        count: How many.
    """
    return new_process_context().Pool(count, initializer=_set_environment, initargs=(dict(os.environ),))


def run_in_environment(
    environment: Mapping[str, str], function: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    """Calls a function in a new process, with the environment of the test that starts it.

    Args:
        environment: The environment.
        function: The function.
        arguments: Its arguments.
    """
    _set_environment(environment)
    function(*arguments)


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def run_program(program: str, environment: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, as `python -c` does.

    Args:
        program: The source.
        environment: The environment.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, errors = (Path(folder, name) for name in ("output", "errors"))
        process = new_process_context().Process(
            target=_run_program, args=(program, dict(environment), str(output), str(errors))
        )
        process.start()
        process.join(_TIMEOUT)
        ended = process.exitcode
        if ended is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(program, _TIMEOUT)
        encoding = output_encoding(os.environ)  # of the process that it is forked from, or that starts it
        return subprocess.CompletedProcess(program, ended, output.read_text(encoding), errors.read_text(encoding))


def _run_program(program: str, environment: Mapping[str, str], output: str, errors: str) -> None:
    _set_environment(environment)
    for descriptor, path in ((1, output), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
