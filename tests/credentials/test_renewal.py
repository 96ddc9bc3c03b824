"""The renewing thread itself: when it runs, when it rests, when it ends."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable

from cognito_jupyter._util.clock import Clock
from cognito_jupyter.credentials.background_refresh import BackgroundRefresher
from tests.support.clock import FakeClock


class CountedWork:
    """Rounds that are counted.

    Attributes:
        rest: What the next round answers.
    """

    def __init__(self, rest: float | None) -> None:
        self.delay = rest
        self.runs = 0

    def run_once(self) -> float | None:
        self.runs += 1
        return self.delay


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits, long enough for any machine, until something holds."""
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def refresher_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "cognito-renewal"]


def test_no_thread_runs_before_the_first_call_and_only_one_after_many() -> None:
    work, others = CountedWork(1000.0), refresher_threads()
    renewal = BackgroundRefresher(work.run_once, Clock())
    assert not renewal.running
    assert all(renewal.ensure_running(run_now=True) for _ in range(50))
    assert len([thread for thread in refresher_threads() if thread not in others]) == 1
    work.delay = None
    renewal.ensure_running(run_now=True)
    assert eventually(lambda: not renewal.running)


def test_the_thread_ends_with_nothing_left_to_do_and_starts_again_on_the_next_call() -> None:
    work = CountedWork(None)
    renewal = BackgroundRefresher(work.run_once, Clock())
    for turn in range(1, 4):
        assert renewal.ensure_running()
        assert eventually(lambda: not renewal.running)
        assert work.runs >= turn


def test_the_thread_ends_when_the_object_that_it_serves_is_collected() -> None:
    work = CountedWork(1000.0)
    renewal = BackgroundRefresher(work.run_once, Clock())
    renewal.ensure_running()
    assert eventually(lambda: work.runs == 1)
    gone = weakref.ref(work)
    work = CountedWork(None)
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not renewal.running)


def test_the_clock_is_read_again_after_thirty_seconds_however_late_the_next_refresh_is() -> None:
    """The seconds that a laptop sleeps do not count for a wait."""
    work, hands = CountedWork(100_000.0), FakeClock()
    renewal = BackgroundRefresher(work.run_once, hands.clock)
    renewal.ensure_running()
    assert eventually(lambda: work.runs == 1)
    hands.advance(29)
    hands.advance(2)
    assert eventually(lambda: work.runs == 2)
    work.delay = None
    renewal.ensure_running(run_now=True)
    assert eventually(lambda: not renewal.running)


def test_an_unexpected_exception_ends_the_thread_and_the_next_call_starts_another() -> None:
    class Broken(CountedWork):
        def round(self) -> float | None:
            super().run_once()
            if self.runs == 1:
                raise ZeroDivisionError
            return None

    quiet, threading.excepthook = threading.excepthook, lambda _: None
    try:
        work = Broken(None)
        renewal = BackgroundRefresher(work.round, Clock())
        renewal.ensure_running()
        assert eventually(lambda: not renewal.running)
        assert renewal.ensure_running()
        assert eventually(lambda: work.runs == 2)
    finally:
        threading.excepthook = quiet


def test_a_forked_child_has_no_thread_and_ensure_running_says_so() -> None:
    work = CountedWork(1000.0)
    renewal = BackgroundRefresher(work.run_once, Clock())
    renewal.ensure_running()
    child = os.fork()
    if child == 0:
        os._exit(0 if not renewal.running and not renewal.ensure_running(run_now=True) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert renewal.running
    work.delay = None
    renewal.ensure_running(run_now=True)
    assert eventually(lambda: not renewal.running)
