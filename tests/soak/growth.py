"""Whether a process grows in threads, sockets or memory: the last third of a run compared with its first."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass

import psutil

_NAMES = ("threads", "sockets", "memory")


@dataclass(frozen=True)
class ProcessSize:
    """What a process uses at one moment.

    Attributes:
        threads: Its threads.
        sockets: Its TCP sockets.
        memory: Its memory in MiB.
    """

    threads: float
    sockets: float
    memory: float

    @classmethod
    def measure(cls) -> ProcessSize:
        """Measures this process now."""
        process = psutil.Process()
        sockets = len(process.net_connections("tcp"))
        return cls(threading.active_count(), sockets, process.memory_info().rss / 2**20)


TOLERANCE = ProcessSize(threads=2, sockets=8, memory=8.0)
"""A connection more or less, a retry, and the memory that an allocator does not return."""


def median_thirds(sizes: list[ProcessSize]) -> tuple[ProcessSize, ProcessSize]:
    """Returns the medians of the first third and of the last."""
    third = len(sizes) // 3
    first, last = (
        ProcessSize(*(statistics.median(getattr(size, name) for size in part) for name in _NAMES))
        for part in (sizes[:third], sizes[-third:])
    )
    return first, last


def find_growth(first: ProcessSize, last: ProcessSize) -> list[str]:
    """Returns the names of what has grown by more than the tolerance."""
    return [name for name in _NAMES if getattr(last, name) > getattr(first, name) + getattr(TOLERANCE, name)]
