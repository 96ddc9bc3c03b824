"""Random faults, the same for the same seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

from cognito_jupyter.local import LocalCognito

from .soak_server import SoakServer

ENDPOINTS = (LocalCognito.REFRESH, LocalCognito.EXCHANGE, LocalCognito.S3)
KINDS: tuple[dict[str, object], ...] = (
    {"kind": "status", "status": 500, "body": "oops"},
    {"kind": "status", "status": 503, "body": "{}"},
    {"kind": "status", "status": 429, "body": "{}", "headers": {"Retry-After": "1"}},
    {"kind": "drop"},
    {"kind": "reset"},
    {"kind": "truncate"},
    {"kind": "stall", "seconds": 3.0},
)


def random_faults(seed: int) -> Iterator[tuple[float, str, dict[str, object]]]:
    """Yields without end: the seconds to wait, the endpoint, and the fault."""
    rng = random.Random(seed)
    while True:
        yield rng.uniform(0.5, 4.0), rng.choice(ENDPOINTS), rng.choice(KINDS)


def inject_until(stop: threading.Event, server: SoakServer, seed: int) -> int:
    """Injects faults until stopped, and returns how many."""
    for number, (delay, endpoint, fault) in enumerate(random_faults(seed)):
        if stop.wait(delay):
            return number
        server.inject(endpoint, fault)
    raise AssertionError("unreachable")
