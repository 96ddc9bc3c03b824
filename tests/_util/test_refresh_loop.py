"""The background thread: when it runs, when it sleeps, when it ends."""

from __future__ import annotations

import gc
import threading
import weakref

from cognito_jupyter._util.clock import Clock
from cognito_jupyter._util.refresh_loop import RefreshLoop, running_owners
from tests.support.clock import FakeClock
from tests.support.fork import holds_in_forked_child
from tests.support.polling import wait_until
from tests.support.systems import needs_fork

NAME = "cognito-test-loop"


class CountedWork:
    """Runs that are counted.

    Attributes:
        delay: What the next run returns.
    """

    def __init__(self, delay: float | None) -> None:
        self.delay = delay
        self.runs = 0

    def run_once(self) -> float | None:
        self.runs += 1
        return self.delay


def weak_loop(work: CountedWork, clock: Clock | None = None) -> RefreshLoop:
    return RefreshLoop(work.run_once, name=NAME, min_delay=0.05, max_delay=30.0, clock=clock, weak=True)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def finish(loop: RefreshLoop, work: CountedWork) -> None:
    """Lets the work end, so that no thread outlives its test."""
    work.delay = None
    loop.ensure_running(run_now=True)
    wait_until(lambda: not loop.running)


def test_no_thread_runs_before_the_first_call_and_only_one_after_many() -> None:
    work, others = CountedWork(1000.0), threads()
    loop = weak_loop(work)
    assert not loop.running
    assert all(loop.ensure_running(run_now=True) for _ in range(50))
    assert len([thread for thread in threads() if thread not in others]) == 1
    finish(loop, work)


def test_the_thread_ends_with_nothing_left_to_do_and_starts_again_on_the_next_call() -> None:
    work = CountedWork(None)
    loop = weak_loop(work)
    for turn in range(1, 4):
        assert loop.ensure_running()
        wait_until(lambda: not loop.running)
        assert work.runs >= turn


def test_a_weak_loop_ends_when_the_object_that_it_serves_is_collected() -> None:
    work = CountedWork(1000.0)
    loop = weak_loop(work)
    loop.ensure_running()
    wait_until(lambda: work.runs == 1)
    gone = weakref.ref(work)
    work = CountedWork(None)
    gc.collect()
    assert gone() is None
    wait_until(lambda: not loop.running)


def test_the_clock_is_read_again_after_the_longest_delay_however_late_the_next_run_is() -> None:
    """The seconds that a laptop sleeps do not count for a wait."""
    work, clock = CountedWork(100_000.0), FakeClock()
    loop = weak_loop(work, clock.clock)
    loop.ensure_running()
    wait_until(lambda: work.runs == 1)
    clock.advance(29)
    clock.advance(2)
    wait_until(lambda: work.runs == 2)
    finish(loop, work)


def test_the_fake_clock_lets_a_loop_notice_time_that_passes_while_it_decides() -> None:
    """The loop computes how long to sleep from the time before, and no later move would wake it."""
    clock, has_read, may_go_on = FakeClock(), threading.Event(), threading.Event()

    class Deciding(CountedWork):
        def run_once(self) -> float | None:
            due = start + 30.0 - clock.clock.monotonic()
            if self.runs == 0:
                has_read.set()
                may_go_on.wait()
            super().run_once()
            return due if due > 0 and self.delay is not None else self.delay

    start = clock.monotonic
    work = Deciding(100_000.0)
    loop = weak_loop(work, clock.clock)
    loop.ensure_running()
    has_read.wait()
    clock.advance(60.0)
    may_go_on.set()
    wait_until(lambda: work.runs == 2, "The loop sleeps on.")
    finish(loop, work)


def test_an_unexpected_exception_ends_the_thread_and_the_next_call_starts_another() -> None:
    class Broken(CountedWork):
        def run_once(self) -> float | None:
            super().run_once()
            if self.runs == 1:
                raise ZeroDivisionError
            return None

    excepthook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        work = Broken(None)
        loop = weak_loop(work)
        loop.ensure_running()
        wait_until(lambda: not loop.running)
        assert loop.ensure_running()
        wait_until(lambda: work.runs == 2)
    finally:
        threading.excepthook = excepthook


@needs_fork
def test_a_forked_child_has_no_thread_and_ensure_running_says_so() -> None:
    work = CountedWork(1000.0)
    loop = weak_loop(work)
    loop.ensure_running()

    def has_no_thread() -> bool:
        # The event may have been copied while it was locked: neither call touches it.
        loop.wake()
        loop.stop()
        return not loop.running and not loop.ensure_running(run_now=True)

    assert holds_in_forked_child(has_no_thread)
    assert loop.running
    finish(loop, work)


def test_stop_ends_the_thread_for_good_and_on_end_is_called_in_it() -> None:
    ended_in: list[str] = []
    work = CountedWork(1000.0)
    loop = RefreshLoop(
        work.run_once,
        name=NAME,
        min_delay=0.05,
        max_delay=30.0,
        on_end=lambda: ended_in.append(threading.current_thread().name),
    )
    loop.ensure_running()
    wait_until(lambda: work.runs == 1)
    assert running_owners(CountedWork) == [work]
    loop.stop()
    loop.join(60)
    assert not loop.running
    assert ended_in == [NAME]
    assert not running_owners(CountedWork)
    assert not loop.ensure_running(run_now=True)
    assert work.runs == 1


def test_wake_runs_at_once_but_not_from_within_the_run_itself() -> None:
    class SelfWaking(CountedWork):
        loop: RefreshLoop

        def run_once(self) -> float | None:
            self.loop.wake()
            return super().run_once()

    work, clock = SelfWaking(10.0), FakeClock()
    work.loop = weak_loop(work, clock.clock)
    work.loop.ensure_running()
    wait_until(lambda: work.runs == 1)
    clock.advance(11)
    wait_until(lambda: work.runs == 2)
    work.loop.wake()
    wait_until(lambda: work.runs == 3)
    finish(work.loop, work)


def test_a_stopped_loop_does_not_keep_its_object_alive() -> None:
    class Owner(CountedWork):
        def __init__(self) -> None:
            super().__init__(1000.0)
            self.loop = RefreshLoop(self.run_once, name=NAME, min_delay=0.05, max_delay=30.0, on_end=self.end)

        def end(self) -> None:
            self.delay = None

    gc.disable()
    try:
        owner = Owner()
        owner.loop.ensure_running()
        owner.loop.stop()
        owner.loop.join(60)
        gone = weakref.ref(owner)
        del owner
        assert gone() is None
    finally:
        gc.enable()
