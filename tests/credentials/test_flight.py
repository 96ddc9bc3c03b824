"""One attempt at a time."""

from __future__ import annotations

import os
import threading
import time

import pytest

from cognito_jupyter.credentials.flight import SingleFlight
from cognito_jupyter.errors import CognitoError, UnavailableError


class Work:
    """Something slow that is counted."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls = 0
        self.done: str | None = None
        self.fails = fails

    def ready(self) -> str | None:
        return self.done

    def attempt(self) -> str:
        self.calls += 1
        time.sleep(0.05)
        if self.fails:
            raise UnavailableError("It failed.", "Try again.")
        self.done = "done"
        return self.done


def crowd(flight: SingleFlight, work: Work, *, size: int = 16, insist: bool = False) -> list[object]:
    """What each of many threads got."""
    got: list[object] = []

    def one() -> None:
        try:
            got.append(flight.run(work.ready, work.attempt, insist=insist))
        except CognitoError as error:
            got.append(error)

    threads = [threading.Thread(target=one) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_a_crowd_makes_one_attempt() -> None:
    work = Work()
    assert crowd(SingleFlight(), work) == ["done"] * 16
    assert work.calls == 1


@pytest.mark.parametrize("insist", [False, True])
def test_a_crowd_gets_one_failure_and_does_not_queue_for_it(insist: bool) -> None:
    """Sixteen threads, one attempt, sixteen errors, each an object of its own."""
    work = Work(fails=True)
    errors = crowd(SingleFlight(), work, insist=insist)
    assert work.calls == 1
    assert len({id(error) for error in errors}) == 16
    assert {str(error) for error in errors} == {"It failed. Try again."}


def test_a_failure_is_remembered_for_those_who_do_not_insist() -> None:
    flight, work = SingleFlight(), Work(fails=True)
    crowd(flight, work, size=1)
    crowd(flight, work, size=1)
    assert work.calls == 1
    crowd(flight, work, size=1, insist=True)
    assert work.calls == 2


def test_after_the_pause_the_next_one_tries_again() -> None:
    flight, work = SingleFlight(), Work(fails=True)
    crowd(flight, work, size=1)
    work.fails = False
    time.sleep(1.05)
    assert crowd(flight, work, size=1) == ["done"]
    assert flight.failure is None


def test_an_offer_keeps_its_failure_to_itself() -> None:
    flight, work = SingleFlight(), Work(fails=True)
    flight.offer(lambda: True, work.attempt)
    assert isinstance(flight.failure, UnavailableError)


def test_an_offer_does_not_wait_for_another_thread() -> None:
    flight, slow, offered = SingleFlight(), Work(), Work()
    thread = threading.Thread(target=crowd, args=(flight, slow), kwargs={"size": 1})
    thread.start()
    while not slow.calls:
        time.sleep(0.001)
    flight.offer(lambda: True, offered.attempt)
    thread.join()
    assert offered.calls == 0


def test_an_offer_that_comes_a_moment_after_another_makes_no_second_attempt() -> None:
    """Whoever looked before the first had ended finds, once it is their turn, that nothing is left to do."""
    flight, work = SingleFlight(), Work()
    for _ in range(2):
        flight.offer(lambda: work.done is None, work.attempt)
    assert work.calls == 1


def test_a_fork_in_the_middle_of_an_attempt_does_not_lock_the_child() -> None:
    """The thread that holds the lock does not exist in the child."""
    flight, slow = SingleFlight(), Work()
    thread = threading.Thread(target=crowd, args=(flight, slow), kwargs={"size": 1})
    thread.start()
    while not slow.calls:
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        flight.run(lambda: None, lambda: "done")
        os._exit(0)
    thread.join()
    until = time.monotonic() + 10
    ended, status = 0, 1
    while not ended and time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    if not ended:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert (ended, status) == (child, 0)
