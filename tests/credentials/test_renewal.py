"""The renewing thread itself: when it runs, when it rests, when it ends."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable

from cognito_jupyter.credentials.clock import Clock
from cognito_jupyter.credentials.renewal import Renewal
from tests.credentials.hands import Hands


class Work:
    """Rounds that are counted.

    Attributes:
        rest: What the next round answers.
    """

    def __init__(self, rest: float | None) -> None:
        self.rest = rest
        self.rounds = 0

    def round(self) -> float | None:
        self.rounds += 1
        return self.rest


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits, long enough for any machine, until something holds."""
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "cognito-renewal"]


def test_there_is_no_thread_before_it_is_called_and_one_however_often() -> None:
    work, others = Work(1000.0), threads()
    renewal = Renewal(work.round, Clock())
    assert not renewal.running
    assert all(renewal.call(now=True) for _ in range(50))
    assert len([thread for thread in threads() if thread not in others]) == 1
    work.rest = None
    renewal.call(now=True)
    assert eventually(lambda: not renewal.running)


def test_with_nothing_left_to_do_it_ends_and_starts_again_when_called() -> None:
    work = Work(None)
    renewal = Renewal(work.round, Clock())
    for turn in range(1, 4):
        assert renewal.call()
        assert eventually(lambda: not renewal.running)
        assert work.rounds >= turn


def test_it_ends_with_the_object_whose_rounds_it_makes() -> None:
    work = Work(1000.0)
    renewal = Renewal(work.round, Clock())
    renewal.call()
    assert eventually(lambda: work.rounds == 1)
    gone = weakref.ref(work)
    work = Work(None)
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not renewal.running)


def test_it_looks_at_the_clock_again_after_thirty_seconds_however_far_the_next_renewal() -> None:
    """The seconds that a laptop sleeps do not count for a wait."""
    work, hands = Work(100_000.0), Hands()
    renewal = Renewal(work.round, hands.clock)
    renewal.call()
    assert eventually(lambda: work.rounds == 1)
    hands.turn(29)
    hands.turn(2)
    assert eventually(lambda: work.rounds == 2)
    work.rest = None
    renewal.call(now=True)
    assert eventually(lambda: not renewal.running)


def test_a_fault_of_ours_does_not_leave_readers_waiting_for_a_thread_that_is_gone() -> None:
    class Broken(Work):
        def round(self) -> float | None:
            super().round()
            if self.rounds == 1:
                raise ZeroDivisionError
            return None

    quiet, threading.excepthook = threading.excepthook, lambda _: None
    try:
        work = Broken(None)
        renewal = Renewal(work.round, Clock())
        renewal.call()
        assert eventually(lambda: not renewal.running)
        assert renewal.call()
        assert eventually(lambda: work.rounds == 2)
    finally:
        threading.excepthook = quiet


def test_a_forked_child_has_no_thread_and_is_told_so() -> None:
    work = Work(1000.0)
    renewal = Renewal(work.round, Clock())
    renewal.call()
    child = os.fork()
    if child == 0:
        os._exit(0 if not renewal.running and not renewal.call(now=True) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert renewal.running
    work.rest = None
    renewal.call(now=True)
    assert eventually(lambda: not renewal.running)
