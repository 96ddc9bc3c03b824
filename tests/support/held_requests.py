"""Requests that the local Cognito holds until something else has happened, instead of for some time."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cognito_jupyter._util.single_flight import SingleFlight
from cognito_jupyter.local import LocalCognito

from .polling import wait_until


class _HeldLatency(dict[str, float]):
    """Delays by endpoint; the one of an endpoint ends when a condition holds."""

    def __init__(self, endpoint: str, condition: Callable[[], object]) -> None:
        super().__init__()
        self._endpoint, self._condition = endpoint, condition

    def get(self, endpoint: str, default: float = 0.0) -> float:  # type: ignore[override] # no other call is made
        if endpoint == self._endpoint:
            wait_until(self._condition, f"The request to {endpoint} was held in vain.")
        return default


def hold(cognito: LocalCognito, endpoint: str, condition: Callable[[], object]) -> None:
    """Has every request to an endpoint wait, after it was counted, until a condition holds; until the knobs are reset.

    Args:
        cognito: The local Cognito; it has no other latency then.
        endpoint: The endpoint's name, as in the call counts.
        condition: Called in the server's thread.
    """
    cognito.knobs.latency = _HeldLatency(endpoint, condition)


@contextmanager
def held_endpoints(cognito: LocalCognito, *names: str) -> Iterator[None]:
    """Lets requests to some endpoints wait for the end of the `with` block, and then responds to them.

    Args:
        cognito: The local Cognito.
        names: The names of the endpoints, as in its call counts.
    """
    latency_of, released = cognito.knobs.latency_of, threading.Event()

    def wait_for_release(endpoint: str) -> float:
        if endpoint in names:
            released.wait()
        return latency_of(endpoint)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cognito.knobs, "latency_of", wait_for_release)
        try:
            yield
        finally:
            released.set()


def waiting_for_an_attempt() -> int:
    """Returns how many threads wait for the attempt of another one, in a `SingleFlight`.

    They all stand at one instruction, the one that waits for the lock. A thread that has only just called it is at
    another one: it may not know yet that the attempt has begun, and would make one of its own.
    """
    instructions = Counter(
        frame.f_lasti for frame in sys._current_frames().values() if frame.f_code is SingleFlight.run.__code__
    )
    return max(instructions.values(), default=0)
