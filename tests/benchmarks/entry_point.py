"""The public entry point without a notebook: from the redirect to a usable session, here and in the reference."""

from __future__ import annotations

import contextlib
import io
import queue
import re
import threading
import time
import webbrowser
from collections.abc import Iterator
from typing import Any

from .arrival import TIMEOUT, CapturingBrowser, RedirectedBrowser, load_credentials
from .implementations import API, implementations
from .raw import RawClient
from .stage import Stage
from .table import Figure, Group, Reach

_ROUNDS = 5
_USER_SECONDS = 2.0
"""Seconds that the user takes to sign in."""
_LIMITS = {0: 2.0, 40: 1.10}
"""The limit of the ratio to the raw requests, by the round-trip time in milliseconds."""
_AUTHORIZE_URL = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


def measure_entry_point(stage: Stage) -> Group:
    """Measures both implementations in alternation, so that a slow moment of the machine affects both."""
    return Group(
        f"get_authenticated_cognito_manager, from the redirect to a usable session, after {_USER_SECONDS:.0f} s",
        tuple(_measure_at(stage, round_trip) for round_trip in _LIMITS),
    )


def _measure_at(stage: Stage, round_trip: int) -> Figure:
    package, reference = implementations()
    port = stage.port_at(round_trip)
    floor, samples, reference_samples = list[float](), list[float](), list[float]()
    with stage.environment(port):
        for number in range(_ROUNDS):
            raw = RawClient(stage, port)
            floor.append(raw.time_three_requests(_USER_SECONDS) * 1e3)
            raw.close()
            samples.append(_time_login(package, stage, port, number) * 1e3)
            if reference is not None:
                reference_samples.append(_time_login(reference, stage, port, number) * 1e3)
    return Figure(
        f"{round_trip} ms away",
        "ms",
        tuple(samples),
        tuple(floor),
        "three raw requests on open connections",
        tuple(reference_samples) if reference is not None else None,
        Reach(_LIMITS[round_trip], "ratio"),
    )


def _time_login(api: API, stage: Stage, port: int, redirect_index: int) -> float:
    settings = stage.configuration(port, redirect_index)
    finished: queue.Queue[float | BaseException] = queue.Queue()

    def run() -> None:
        try:
            manager: Any = api.get_authenticated_cognito_manager(settings)
            load_credentials(manager.make_refreshing_session())
            finished.put(time.perf_counter())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that measures
            finished.put(error)

    with _captured_urls() as urls:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        redirect_url = stage.sign_in(urls.get(timeout=TIMEOUT))
    time.sleep(_USER_SECONDS)
    began = time.perf_counter()
    browser = RedirectedBrowser(redirect_url)
    end = finished.get(timeout=TIMEOUT)
    browser.close()
    thread.join()
    if isinstance(end, BaseException):
        raise end
    return end - began


@contextlib.contextmanager
def _captured_urls() -> Iterator[queue.Queue[str]]:
    """Yields the authorization URLs that are printed, as here, or opened in a browser, as by the reference."""
    browser = CapturingBrowser()
    webbrowser.register("benchmark", None, browser, preferred=True)
    with contextlib.redirect_stdout(_CapturedOutput(browser.urls)):
        yield browser.urls


class _CapturedOutput(io.StringIO):
    """Captures the authorization URL in what is printed.

    Args:
        urls: What receives it.
    """

    def __init__(self, urls: queue.Queue[str]) -> None:
        super().__init__()
        self._urls = urls

    def write(self, text: str) -> int:
        found = _AUTHORIZE_URL.search(text)
        if found is not None:
            self._urls.put(found[0])
        return super().write(text)
