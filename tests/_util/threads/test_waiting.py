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

import pytest

from cognito_jupyter import OAuthCallbackServer
from cognito_jupyter._util.refresh_loop import RefreshLoop
from cognito_jupyter._util.single_flight import SingleFlight
from cognito_jupyter._util.threads.waiting import (
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

LIMIT = 0.3
"""Seconds until the stop button must have ended a wait."""


@contextmanager
def stop_button(after: float = 0.2) -> Iterator[None]:
    """Presses the stop button during what is within, which must end soon after it."""
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        _thread.interrupt_main()

    timer = threading.Timer(after, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    timer.join()
    assert time.monotonic() - pressed[0] < LIMIT


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.fixture
def busy_thread() -> Iterator[threading.Thread]:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(20,), daemon=True)
    thread.start()
    yield thread
    release.set()
    thread.join()


@pytest.mark.parametrize("seconds", [None, 20.0])
def test_a_wait_for_an_event_ends(seconds: float | None) -> None:
    with stop_button():
        wait_in_slices(threading.Event(), seconds)


@pytest.mark.parametrize("seconds", [None, 20.0])
def test_a_wait_for_a_thread_ends(busy_thread: threading.Thread, seconds: float | None) -> None:
    with stop_button():
        join_in_slices(busy_thread, seconds)


def test_a_wait_for_a_condition_ends() -> None:
    condition = threading.Condition()
    with condition, stop_button():
        wait_for_in_slices(condition, lambda: False, 20.0)


def test_a_sleep_ends() -> None:
    with stop_button():
        sleep_in_slices(20.0)


def test_a_wait_says_whether_it_was_in_vain() -> None:
    event = threading.Event()
    began = time.monotonic()
    assert not wait_in_slices(event, 0.25)
    assert 0.25 <= time.monotonic() - began < 5
    threading.Timer(0.15, event.set).start()
    assert wait_in_slices(event, 20)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    assert join_in_slices(thread, 20)
    assert not wait_in_slices(threading.Event(), 0)


def test_a_server_of_a_program_that_waits_for_one_response_ends() -> None:
    server = OAuthCallbackServer(("localhost", 0))
    server.timeout = 20
    try:
        with stop_button():
            server.handle_request()
        with stop_button():
            server.serve_forever(20)
    finally:
        server.server_close()


def test_a_login_in_plain_python_ends(authenticator: CognitoOAuthAuthenticator) -> None:
    with stop_button():
        authenticator.authenticate()


def test_a_local_cognito_ends() -> None:
    parser = argparse.ArgumentParser()
    add_local_arguments(parser)
    written: list[str] = []
    with stop_button(after=5):
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
    with stop_button():
        loop.join(20)


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
    with stop_button():
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
    cognito.knobs.latency = {"*": 5.0}
    with stop_button(after=0.5):
        operation(manager)
    cognito.knobs.latency = {}
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
