"""Random faults, the same for the same seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

from .server import SoakServer

ENDPOINTS = ("token:refresh_token", "GetCredentialsForIdentity", "s3")
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
    """Without end: seconds to wait, the endpoint, the fault."""
    rng = random.Random(seed)
    while True:
        yield rng.uniform(0.5, 4.0), rng.choice(ENDPOINTS), rng.choice(KINDS)


def inject_until(stop: threading.Event, server: SoakServer, seed: int) -> int:
    """Lets faults happen; returns how many were sent."""
    for number, (pause, endpoint, fault) in enumerate(random_faults(seed)):
        if stop.wait(pause):
            return number
        server.inject(endpoint, fault)
    raise AssertionError
