"""Whether a process grows: threads, sockets and memory, the last third of a run beside its first."""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessSize:
    """What a process has at one moment; the memory in MiB."""

    threads: float
    sockets: float
    memory: float

    @classmethod
    def measure(cls) -> ProcessSize:
        """Of now."""
        process = psutil.Process()
        sockets = len(process.net_connections("tcp"))
        return cls(threading.active_count(), sockets, process.memory_info().rss / 2**20)


TOLERANCE = ProcessSize(threads=2, sockets=8, memory=8.0)
"""A connection more or less, a retry under way, and what an allocator keeps for itself."""


def median_thirds(sizes: list[ProcessSize]) -> tuple[ProcessSize, ProcessSize]:
    """The medians of the first third, and of the last."""
    part = len(sizes) // 3
    first, last = (_median(some) for some in (sizes[:part], sizes[-part:]))
    return first, last


def find_growth(first: ProcessSize, last: ProcessSize) -> list[str]:
    """What has grown by more than is tolerated."""
    return [
        name
        for name in ("threads", "sockets", "memory")
        if getattr(last, name) > getattr(first, name) + getattr(TOLERANCE, name)
    ]


def _median(sizes: list[ProcessSize]) -> ProcessSize:
    names = ("threads", "sockets", "memory")
    return ProcessSize(*(statistics.median(getattr(size, name) for size in sizes) for name in names))
