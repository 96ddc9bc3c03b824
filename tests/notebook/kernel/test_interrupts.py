"""Where the stop button is obeyed: in `interruptible`, and at the end of `deferred_interrupts`; each press once."""

from __future__ import annotations

import signal
import threading

import pytest

from cognito_jupyter.notebook.kernel.interrupts import deferred_interrupts, interruptible


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_press_is_raised_at_the_end_of_what_defers_it() -> None:
    done: list[str] = []

    def cell() -> None:
        with deferred_interrupts():
            press()
            done.append("within")
        done.append("after")

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert done == ["within"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("pressed_when", ["before it", "in it"])
def test_a_press_is_raised_in_an_interruptible_part_and_what_handles_it_is_not_interrupted(pressed_when: str) -> None:
    done: list[str] = []

    def cell() -> None:
        with deferred_interrupts():
            if pressed_when == "before it":
                press()
            try:
                with interruptible():
                    if pressed_when == "in it":
                        press()
                    done.append("not reached")
            except KeyboardInterrupt:
                press()  # somebody presses again while the login is given up
                done.append("given up")
                raise

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert done == ["given up"]


def test_an_error_is_not_lost_and_a_press_beside_it_is_raised() -> None:
    def cell() -> None:
        with deferred_interrupts():
            press()
            raise ValueError("the login failed")

    with pytest.raises(KeyboardInterrupt) as caught:
        cell()
    assert isinstance(caught.value.__context__, ValueError)


def test_a_wait_within_an_interruptible_handler_defers_again() -> None:
    """The handler of a user's widget may run a magic of its own."""
    done: list[str] = []

    def cell() -> None:
        with deferred_interrupts(), interruptible():
            with deferred_interrupts():
                press()
                done.append("within")
            done.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert done == ["within"]


def test_without_a_press_nothing_happens() -> None:
    with deferred_interrupts(), interruptible():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_thread_defers_nothing_for_the_main_thread() -> None:
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with deferred_interrupts(), interruptible():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert entered.wait(60)
        with pytest.raises(KeyboardInterrupt):
            press()
    finally:
        leave.set()
        thread.join()


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupts():
            press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
