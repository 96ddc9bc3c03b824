"""Logins that nobody closes: dropped, failed while they were made, or dropped in a forked child."""

from __future__ import annotations

import gc
import os
import threading
import time

import pytest
import requests

from cognito_jupyter.errors import ListenerError
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.callback.server import OAuthCallbackServer
from cognito_jupyter.oauth.login import Login, LoginState
from cognito_jupyter.oauth.redirect_uri import parse_redirect_uris
from tests.support.polling import wait_until
from tests.support.ports import free_port
from tests.support.systems import needs_fork, needs_limits


def listener_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("cognito-callback")}


def port_is_free(port: int) -> bool:
    try:
        OAuthCallbackServer(("localhost", port)).server_close()
    except ListenerError:
        return False
    return True


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def authenticator(port: int) -> CognitoOAuthAuthenticator:
    return CognitoOAuthAuthenticator("auth.example.com", "client", f"http://localhost:{port}", open_browser=False)


def test_a_dropped_login_stops_listening(authenticator: CognitoOAuthAuthenticator, port: int) -> None:
    before = listener_threads()
    login = authenticator.begin_login()
    assert not port_is_free(port)
    assert listener_threads() - before
    del login
    wait_until(lambda: not listener_threads() - before)
    assert port_is_free(port)


def test_a_login_of_which_only_the_link_is_left_stops_listening(
    authenticator: CognitoOAuthAuthenticator, port: int
) -> None:
    assert authenticator.begin_login().authorization_url
    wait_until(lambda: port_is_free(port))


def test_a_login_dropped_in_a_cycle_stops_listening_when_it_is_collected(
    authenticator: CognitoOAuthAuthenticator, port: int
) -> None:
    login = authenticator.begin_login()
    cycle: list[object] = [login]
    cycle.append(cycle)
    del login, cycle
    gc.collect()
    wait_until(lambda: port_is_free(port))


def test_a_login_dropped_after_a_visit_of_a_browser_stops_listening(
    authenticator: CognitoOAuthAuthenticator, port: int
) -> None:
    login = authenticator.begin_login()
    assert requests.get(f"http://127.0.0.1:{port}/?code=a&state=b", timeout=5).status_code == 404
    assert login.poll() is LoginState.PENDING
    del login
    wait_until(lambda: port_is_free(port))


def test_a_login_that_cannot_be_made_frees_the_port(port: int) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError) as caught:
        Login(
            parse_redirect_uris(f"http://localhost:{port}"),
            build_authorization_url=fail,
            exchange_code=lambda *_: pytest.fail("never called"),
        )
    assert port_is_free(port)  # although the traceback keeps the login alive
    assert caught.value.__traceback__ is not None


def test_a_dropped_callback_server_stops_listening(authenticator: CognitoOAuthAuthenticator, port: int) -> None:
    server = authenticator.start_local_server(port)
    assert not port_is_free(port)
    del server
    wait_until(lambda: port_is_free(port))


@needs_limits
@needs_fork
def test_a_child_that_drops_the_login_neither_stops_nor_busies_the_parents_listener(
    authenticator: CognitoOAuthAuthenticator, port: int
) -> None:
    import resource

    with authenticator.begin_login() as login:
        child = os.fork()
        if child == 0:
            try:
                login.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        before = resource.getrusage(resource.RUSAGE_SELF)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 404
            time.sleep(0.1)
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4
        assert login.listening
    assert port_is_free(port)


def test_two_hundred_dropped_logins_leave_no_thread_and_no_descriptor(
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    before = listener_threads()
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for _ in range(200):
        authenticator.begin_login()
        wait_until(lambda: not listener_threads() - before)
    if descriptors is not None:
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors + 2)
