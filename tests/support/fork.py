"""Runs a check in a forked child."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tests.support.polling import wait_until


def holds_in_forked_child(check: Callable[[], object]) -> bool:
    """Forks, and returns whether the check holds in the child; kills a child that hangs, and fails the test."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    ended: list[int] = []

    def has_ended() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        ended.extend([status] if pid else [])
        return bool(ended)

    try:
        wait_until(has_ended, "The forked child hangs.")
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return ended == [0]
