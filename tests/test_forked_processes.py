"""The tests' own forked processes: each belongs to the process of the tests that wanted it, and ends with that."""

from __future__ import annotations

import os
import signal

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
