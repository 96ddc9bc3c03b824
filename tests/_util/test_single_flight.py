"""Single-flight: one attempt at a time, and backoff after a failure."""

from __future__ import annotations

import threading
import time

import pytest

from cognito_jupyter._util.retries import may_repeat
from cognito_jupyter._util.single_flight import SingleFlight
from cognito_jupyter.errors import CognitoError, UnavailableError
from tests.support.clock import FakeClock
from tests.support.fork import holds_in_forked_child
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.systems import needs_fork


class SlowAttempt:
    """A slow attempt that counts its calls."""

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


class HeldAttempt(SlowAttempt):
    """An attempt that lasts until the test releases it."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def attempt(self) -> str:
        self.calls += 1
        assert self.release.wait(TEST_TIMEOUT)
        self.done = "done"
        return self.done


def run_in_threads(
    single_flight: SingleFlight, work: SlowAttempt, *, size: int = 16, force: bool = False
) -> list[object]:
    """Returns what each of many threads got, a result or an error."""
    got: list[object] = []
    barrier = threading.Barrier(size)

    def one() -> None:
        barrier.wait()
        try:
            got.append(single_flight.run(work.ready, work.attempt, force=force))
        except CognitoError as error:
            got.append(error)

    threads = [threading.Thread(target=one) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_many_threads_make_one_attempt() -> None:
    work = SlowAttempt()
    assert run_in_threads(SingleFlight(), work) == ["done"] * 16
    assert work.calls == 1


@pytest.mark.parametrize("force", [False, True])
def test_many_threads_share_one_failure(force: bool) -> None:
    """Sixteen threads, one attempt, sixteen errors, each an object of its own."""
    reads: list[str] = []

    class ObservedSingleFlight(SingleFlight):
        """Notes each look at the number of failures: `run` takes one at first, and one when it has the lock."""

        def __getattribute__(self, name: str) -> object:
            if name == "_failures_ever":
                reads.append(name)
            return super().__getattribute__(name)

    class AttemptOfAll(SlowAttempt):
        """Fails only when all threads have called `run`."""

        def attempt(self) -> str:
            wait_until(lambda: len(reads) >= 17)
            return super().attempt()

    work = AttemptOfAll(fails=True)
    errors = run_in_threads(ObservedSingleFlight(), work, force=force)
    assert work.calls == 1
    assert len({id(error) for error in errors}) == 16
    assert {str(error) for error in errors} == {"It failed. Try again."}


def test_a_failure_is_cached_unless_the_caller_forces_an_attempt() -> None:
    single_flight, work = SingleFlight(), SlowAttempt(fails=True)
    run_in_threads(single_flight, work, size=1)
    run_in_threads(single_flight, work, size=1)
    assert work.calls == 1
    run_in_threads(single_flight, work, size=1, force=True)
    assert work.calls == 2


def test_after_the_backoff_the_next_call_tries_again() -> None:
    clock = FakeClock()
    single_flight, work = SingleFlight(lambda: clock.monotonic, draw=lambda: 0.5), SlowAttempt(fails=True)
    run_in_threads(single_flight, work, size=1)
    work.fails = False
    assert single_flight.backoff_remaining == 1.5
    clock.advance(1.45)
    assert isinstance(run_in_threads(single_flight, work, size=1)[0], UnavailableError)
    clock.advance(0.1)
    assert run_in_threads(single_flight, work, size=1) == ["done"]
    assert single_flight.failure is None


def failing_single_flight(
    failures: int, *, draw: float = 1.0, retry_after: float = 0.0
) -> tuple[SingleFlight, FakeClock]:
    """Returns one whose last attempts have failed."""
    clock = FakeClock()
    single_flight = SingleFlight(lambda: clock.monotonic, draw=lambda: draw)

    for _ in range(failures):
        clock.advance(1)
        with pytest.raises(UnavailableError):
            single_flight.run(lambda: None, lambda: fail(retry_after), force=True)
    return single_flight, clock


def fail(retry_after: float = 0.0) -> None:
    raise UnavailableError("It failed.", "Try again.", retry_after)


def test_the_backoff_of_an_attempt_ahead_of_time_doubles_up_to_five_minutes() -> None:
    backoffs = [failing_single_flight(failures)[0].backoff_remaining for failures in (1, 2, 3, 9, 10_000)]
    assert backoffs == [2, 3, 5, 257, 301]


def test_two_kernels_that_failed_together_do_not_come_back_together() -> None:
    """They were asked for the same delay, too."""
    remaining = [failing_single_flight(8, draw=draw, retry_after=60)[0].backoff_remaining for draw in (0.0, 0.1)]
    assert remaining == pytest.approx([61, 61 + 12.8])


def test_a_caller_who_needs_the_result_waits_thirty_seconds_at_most() -> None:
    """In the meantime an attempt ahead of time waits longer."""
    single_flight, clock = failing_single_flight(20)
    work = SlowAttempt()
    clock.advance(29)
    with pytest.raises(UnavailableError):
        single_flight.run(work.ready, work.attempt)
    clock.advance(2)
    single_flight.run_if_idle(lambda: True, work.attempt)
    assert work.calls == 0
    assert single_flight.run(work.ready, work.attempt) == "done"


def test_after_a_failure_only_a_forced_attempt_repeats_its_requests() -> None:
    single_flight, clock = failing_single_flight(0)
    repeats: list[bool] = []

    def attempt() -> None:
        repeats.append(may_repeat())
        raise UnavailableError("It failed.", "Try again.")

    for force in (False, False, True):
        clock.advance(3600)
        with pytest.raises(UnavailableError):
            single_flight.run(lambda: None, attempt, force=force)
    clock.advance(3600)
    single_flight.run_if_idle(lambda: True, attempt)
    assert repeats == [True, False, True, False]
    single_flight.reset()
    single_flight.run_if_idle(lambda: True, attempt)
    assert repeats[-1]


def test_run_if_idle_does_not_raise() -> None:
    single_flight, work = SingleFlight(), SlowAttempt(fails=True)
    single_flight.run_if_idle(lambda: True, work.attempt)
    assert isinstance(single_flight.failure, UnavailableError)


def test_run_if_idle_does_not_wait_for_another_thread() -> None:
    single_flight, held, other = SingleFlight(), HeldAttempt(), SlowAttempt()
    thread = threading.Thread(target=run_in_threads, args=(single_flight, held), kwargs={"size": 1})
    thread.start()
    wait_until(lambda: held.calls)
    single_flight.run_if_idle(lambda: True, other.attempt)
    assert held.done is None
    held.release.set()
    thread.join()
    assert other.calls == 0


def test_run_if_idle_checks_again_whether_the_attempt_is_needed() -> None:
    """A second caller that saw the need before the first attempt ended makes no second attempt."""
    single_flight, work = SingleFlight(), SlowAttempt()
    for _ in range(2):
        single_flight.run_if_idle(lambda: work.done is None, work.attempt)
    assert work.calls == 1


@needs_fork
def test_a_fork_in_the_middle_of_an_attempt_does_not_lock_the_child() -> None:
    """The thread that holds the lock does not exist in the child."""
    single_flight, held = SingleFlight(), HeldAttempt()
    thread = threading.Thread(target=run_in_threads, args=(single_flight, held), kwargs={"size": 1})
    thread.start()
    wait_until(lambda: held.calls)
    assert holds_in_forked_child(lambda: single_flight.run(lambda: None, lambda: "done"))
    assert held.done is None
    held.release.set()
    thread.join()


def test_a_failure_counts_only_for_those_who_waited_for_it_even_if_the_clock_stands_still() -> None:
    """As Windows' clock does for 16 ms: the next caller, who insists, makes an attempt."""
    single_flight = SingleFlight(monotonic=lambda: 0.0)

    def fail() -> str:
        raise UnavailableError("It is down.", "Wait.")

    with pytest.raises(UnavailableError):
        single_flight.run(lambda: None, fail)
    assert single_flight.run(lambda: None, lambda: "done", force=True) == "done"
