"""Endpoints of the local Cognito that respond only when the test lets them, for as long as a busy machine needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cognito_jupyter.local import LocalCognito


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
