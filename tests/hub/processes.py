"""Ends processes that are not children of the test's process."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil

from tests.support.polling import wait_until


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kills processes, and waits until each has ended; one that its new parent does not collect has ended too."""
    killed = list(processes)
    for process in killed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not any(map(_runs, killed)), f"They still run: {killed}")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
