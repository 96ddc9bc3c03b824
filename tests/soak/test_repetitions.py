"""Nothing grows over many logins, refreshes and sessions; `nox -s soak -- --repetitions` runs far more of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from .growth import find_growth
from .repetitions import repeat
from .soak_server import SoakServer


@pytest.fixture(scope="module")
def server() -> Iterator[SoakServer]:
    with SoakServer() as started:
        yield started


@pytest.mark.parametrize(("what", "count"), {"logins": 30, "refreshes": 100, "sessions": 30}.items())
def test_nothing_grows(server: SoakServer, what: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.facts["environment"].items():
        monkeypatch.setenv(name, value)
    first, last = repeat(server, what, count)
    assert find_growth(first, last) == [], f"{first} -> {last}"


def test_a_thread_that_stays_is_found(server: SoakServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above could not fail."""
    for name, value in server.facts["environment"].items():
        monkeypatch.setenv(name, value)
    stop = threading.Event()
    start = threading.Thread.start

    def start_another(thread: threading.Thread) -> None:
        start(thread)
        start(threading.Thread(target=stop.wait))

    monkeypatch.setattr(threading.Thread, "start", start_another)
    try:
        assert "threads" in find_growth(*repeat(server, "logins", 10))
    finally:
        stop.set()
