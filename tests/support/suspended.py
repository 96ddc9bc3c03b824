"""Processes that do not run for a while, as under a debugger or in a long call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from .polling import wait_until


@contextmanager
def suspended(pid: int) -> Iterator[psutil.Process]:
    """Stops a process, and lets it go on at the end; gives the process, which runs no more.

    A signal alone does not do that: until the system has run the thread that receives it, which may take a while on a
    busy machine, the process's other threads go on.

    Args:
        pid: The process.
    """
    process = psutil.Process(pid)
    process.suspend()
    try:
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):  # it was killed
            process.resume()
