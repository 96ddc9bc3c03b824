"""The stop button, as ipykernel presses it on Windows: it wakes nothing, and Python looks for it now and then.

`_thread.interrupt_main` does the same on every system: a wait that is not in slices goes on to its end.
"""

from __future__ import annotations

import _thread
import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from cognito_jupyter import OAuthCallbackServer
from cognito_jupyter._util.refresh_loop import RefreshLoop
from cognito_jupyter._util.single_flight import SingleFlight
from cognito_jupyter._util.threads.waiting import (
    SLICE,
    join_in_slices,
    run_interruptibly,
    sleep_in_slices,
    wait_for_in_slices,
    wait_in_slices,
)
from cognito_jupyter.cli.local import add_local_arguments, run_local
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.support.polling import wait_until

WAIT = 60.0
"""Seconds that each wait would last without the stop button."""


def main_thread_is_in(function: str) -> bool:
    """Returns whether the main thread is in a function of this package of that name, or in what that one calls."""
    frame: FrameType | None = sys._current_frames()[threading.main_thread().ident or 0]
    while frame is not None:
        code = frame.f_code
        if code.co_name == function and "cognito_jupyter" in code.co_filename and code.co_filename != __file__:
            return True
        frame = frame.f_back
    return False


@contextmanager
def stop_button(function: str, begun: Callable[[], object] = lambda: True, wait: float = WAIT) -> Iterator[None]:
    """Presses the stop button during what is within, which must end long before its own end.

    How long a part of a wait is, which the stop button cannot end, says
    `test_no_part_of_a_wait_is_longer_than_a_tenth_of_a_second`.

    Args:
        function: The function in which the main thread waits; not pressed before it is there.
        begun: Returns whether the button may be pressed.
        wait: Seconds that the wait would last otherwise.
    """
    pressed: list[float] = []

    def press() -> None:
        wait_until(lambda: main_thread_is_in(function) and begun())
        time.sleep(SLICE)  # into the middle of the wait; any other moment would do too
        pressed.append(time.monotonic())
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    ended = time.monotonic()
    thread.join()
    assert ended - pressed[0] < wait / 2


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.fixture
def busy_thread() -> Iterator[threading.Thread]:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(WAIT,), daemon=True)
    thread.start()
    yield thread
    release.set()
    thread.join()


@pytest.mark.parametrize("seconds", [None, WAIT])
def test_a_wait_for_an_event_ends(seconds: float | None) -> None:
    with stop_button("wait_in_slices"):
        wait_in_slices(threading.Event(), seconds)


@pytest.mark.parametrize("seconds", [None, WAIT])
def test_a_wait_for_a_thread_ends(busy_thread: threading.Thread, seconds: float | None) -> None:
    with stop_button("join_in_slices"):
        join_in_slices(busy_thread, seconds)


def test_a_wait_for_a_condition_ends() -> None:
    condition = threading.Condition()
    with condition, stop_button("wait_for_in_slices"):
        wait_for_in_slices(condition, lambda: False, WAIT)


def test_a_sleep_ends() -> None:
    with stop_button("sleep_in_slices"):
        sleep_in_slices(WAIT)


def test_no_part_of_a_wait_is_longer_than_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is in all: an interrupt cannot end a part of it."""
    parts: list[float | None] = []

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            parts.append(timeout)
            return super().wait(timeout)

    class Thread(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            parts.append(timeout)
            super().join(timeout)

    class Condition(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            parts.append(timeout)
            return super().wait(timeout)

    def sleep(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        parts.append(seconds)
        sleep(seconds)

    release, condition = threading.Event(), Condition()
    thread = Thread(target=release.wait)
    thread.start()
    try:
        assert not wait_in_slices(Event(), 2.5 * SLICE)
        assert not join_in_slices(thread, 2.5 * SLICE)
        with condition:
            assert not wait_for_in_slices(condition, lambda: False, 2.5 * SLICE)
        with monkeypatch.context() as patch:
            patch.setattr("cognito_jupyter._util.threads.waiting.time.sleep", sleep)
            sleep_in_slices(2.5 * SLICE)
    finally:
        release.set()
        threading.Thread.join(thread)
    assert len(parts) >= 4
    assert all(part is not None and part <= 0.1 for part in parts)


def test_a_wait_says_whether_it_was_in_vain() -> None:
    event = threading.Event()
    began = time.monotonic()
    assert not wait_in_slices(event, 0.25)
    assert 0.25 <= time.monotonic() - began < 5
    threading.Timer(0.15, event.set).start()
    assert wait_in_slices(event, WAIT)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    assert join_in_slices(thread, WAIT)
    assert not wait_in_slices(threading.Event(), 0)


def test_a_server_of_a_program_that_waits_for_one_response_ends() -> None:
    server = OAuthCallbackServer(("localhost", 0))
    server.timeout = int(WAIT)
    try:
        with stop_button("handle_request"):
            server.handle_request()
        with stop_button("serve_forever"):
            server.serve_forever(WAIT)
    finally:
        server.server_close()


def test_a_login_in_plain_python_ends(authenticator: CognitoOAuthAuthenticator) -> None:
    with stop_button("wait"):
        authenticator.authenticate()


def test_a_local_cognito_ends() -> None:
    parser = argparse.ArgumentParser()
    add_local_arguments(parser)
    written: list[str] = []
    with stop_button("wait_in_slices", lambda: written):
        run_local(parser.parse_args(["--no-aws"]), written.append, threading.Event())
    assert written


def test_the_end_of_a_background_thread_is_not_waited_for(busy_thread: threading.Thread) -> None:
    class Owner:
        def run_once(self) -> float | None:
            busy_thread.join()
            return None

    owner = Owner()
    loop = RefreshLoop(owner.run_once, name="busy", max_delay=1)
    loop.ensure_running()
    loop.stop()
    with stop_button("join"):
        loop.join(WAIT)


@pytest.mark.usefixtures("windows")
def test_a_wait_for_the_attempt_of_another_thread_ends(busy_thread: threading.Thread) -> None:
    single_flight = SingleFlight()
    attempting = threading.Event()

    def attempt() -> str:
        attempting.set()
        busy_thread.join()
        return "done"

    other = threading.Thread(target=single_flight.run, args=(lambda: None, attempt), daemon=True)
    other.start()
    attempting.wait()
    with stop_button("wait_until_free"):
        single_flight.run(lambda: None, lambda: "mine")


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "operation",
    [
        lambda manager: manager.get_credentials(role_suffix="Analyst"),
        lambda manager: manager.refresh_user_pool_tokens(),
        lambda manager: manager.make_refreshing_session("Analyst").get_credentials().get_frozen_credentials(),
    ],
    ids=["credentials", "tokens", "a session"],
)
def test_a_request_that_hangs_ends_and_the_next_one_works(
    cognito: LocalCognito,
    manager: CognitoCredentialsManager,
    operation: Callable[[CognitoCredentialsManager], object],
) -> None:
    manager.get_credentials(role_suffix="Uploader")  # so that the AWS client exists
    # Shorter than the client's timeout, after which botocore would repeat the request in the thread that goes on.
    cognito.knobs.fail("*", kind="stall", seconds=12)
    with stop_button("run_interruptibly", lambda: not cognito.knobs.faults["*"], wait=12):
        operation(manager)
    cognito.knobs.faults.clear()
    operation(manager)


@pytest.mark.usefixtures("windows")
def test_an_error_of_a_request_is_the_callers() -> None:
    def fail() -> None:
        raise ValueError("from the other thread")

    with pytest.raises(ValueError, match="from the other thread"):
        run_interruptibly(fail)


def test_requests_of_other_systems_and_of_other_threads_start_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert run_interruptibly(threading.current_thread) is threading.main_thread()
    monkeypatch.setattr(sys, "platform", "win32")
    assert run_interruptibly(threading.current_thread) is not threading.main_thread()
    found: list[threading.Thread] = []
    thread = threading.Thread(target=lambda: found.append(run_interruptibly(threading.current_thread)))
    thread.start()
    thread.join()
    assert found == [thread]
