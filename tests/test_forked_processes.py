"""The tests' own forked processes: each belongs to the process of the tests that wanted it, and ends with that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.systems import needs_proc
from tests.support.zygote import ForkedProcess, Zygote, shared_zygotes

pytestmark = needs_proc
"""They are forked on Linux only."""


def start_process(zygote: Zygote) -> ForkedProcess:
    """Starts one that waits for a signal."""
    with open(os.devnull, "r+b") as devnull:
        return zygote.start("signal:pause", ["pause"], os.environ, streams=(devnull.fileno(),) * 3)


@pytest.mark.parametrize("kind", ["commands", "moto"])
def test_a_process_ends_with_the_client_that_wanted_it_and_that_of_another_client_goes_on(kind: str) -> None:
    first, second = Zygote(kind), Zygote(kind)
    ended, other = start_process(first), start_process(second)
    first.close()
    assert ended.wait(30) == -signal.SIGKILL
    assert other.poll() is None
    other.terminate()
    assert other.wait(30) == -signal.SIGTERM
    second.close()


def test_shared_zygotes_that_nothing_was_forked_from_end_without_their_imports() -> None:
    with shared_zygotes():
        pass


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote("commands")
    yield zygote
    zygote.close()


def start_program(program: str, streams: tuple[int, int, int]) -> subprocess.Popen[bytes]:
    """Starts one with an interpreter of its own, which buffers its output."""
    stdin, stdout, stderr = streams
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment)


@pytest.mark.parametrize(
    "program",
    [
        "print('unflushed', end='')",
        "import atexit, sys; atexit.register(print, 'last'); sys.exit(3)",
        "import threading, time; threading.Thread(target=lambda: print(time.sleep(0.2))).start()",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "from concurrent.futures import ThreadPoolExecutor as Pool; print(Pool().submit(int).result())",
        "import sys; sys.exit('a message')",
        "import sys; sys.exit(257)",
        "1 / 0",
        "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('unwritten')",
    ],
)
def test_a_forked_process_ends_as_an_interpreter_does(zygote: Zygote, program: str) -> None:
    ends: list[object] = []
    for forked in (True, False):
        with open(os.devnull) as stdin, tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
            process = (
                zygote.start("__main__:execute", ["-c", program], os.environ, streams=streams)
                if forked
                else start_program(program, streams)
            )
            code = process.wait(30)
            stdout.seek(0)
            stderr.seek(0)
            ends.append((code, stdout.read(), stderr.read().splitlines()[-1:]))
    assert ends[0] == ends[1]
