"""How busy the machine is while a test measures seconds: a bound that holds on a quiet one grows with it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from cognito_jupyter._util.closing import Closeable

_INTERVAL = 0.05
_LOAD = Path("/proc/loadavg")
"""Linux: its fourth field begins with how many threads run or could run now."""


class _Sample(NamedTuple):
    at: float
    running: float


class BusyMeter(Closeable):
    """Samples in a thread, until it is closed, how many threads of the machine want to run."""

    def __init__(self) -> None:
        self._samples = deque([_Sample(time.monotonic(), _running())], maxlen=10_000)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def allowed(self, quiet: float, seconds: float) -> float:
        """Returns the bound for something that has just ended.

        It is as many times as long as there were threads for each core, and longer by the time for which this process
        stood still.

        Args:
            quiet: The bound on a quiet machine, in seconds.
            seconds: How long it was measured to last: what the machine did before does not count.
        """
        now, samples = time.monotonic(), list(self._samples)
        recent = [each for each in samples if each.at > now - seconds]
        recent = samples[: len(samples) - len(recent)][-1:] + recent
        cores = os.cpu_count() or 1
        shares = [max(1.0, each.running / cores) for each in recent]
        ends = [*(each.at for each in recent[1:]), now]
        standstill = max(end - each.at for each, end in zip(recent, ends, strict=True))
        return quiet * sum(shares) / len(shares) + max(0.0, standstill - _INTERVAL)

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._closed.wait(_INTERVAL):
            self._samples.append(_Sample(time.monotonic(), _running()))


def _running() -> float:
    if _LOAD.exists():
        return float(_LOAD.read_text(encoding="ascii").split()[3].partition("/")[0])
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 1.0
