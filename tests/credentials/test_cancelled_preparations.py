"""A login that ends without a sign-in leaves no thread, even if what it prepares waits for a server that never replies.

Each request has a timeout of 15 seconds; what ends a login waits 5 seconds for its thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cognito_jupyter._util.http.cancellable import CancellableRequests
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import LoginError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.model.login_task import LoginTask
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import Settings
from tests.support.polling import wait_until
from tests.support.shared_kernels import configuration_from_environment
from tests.support.silent_server import SilentServer
from tests.support.systems import needs_dropped_connections

_THREADS = {"cognito-prewarm", "cognito-login"}
each_endpoint = pytest.mark.parametrize(
    "endpoint", ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL_COGNITO_IDENTITY", "domain"]
)


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    with SilentServer(accepts=True) as server:
        yield server


@pytest.fixture
def unreachable() -> Iterator[SilentServer]:
    with SilentServer(accepts=False) as server:
        yield server


def settings_with(
    endpoint: str, server: SilentServer, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Returns settings of which one endpoint leads to a server that never replies."""
    url, configuration = f"http://127.0.0.1:{server.port}", configuration_from_environment(cognito.environment)
    if endpoint == "domain":
        return Settings(replace(configuration, domain=url), timeout=1.0)
    monkeypatch.setenv(endpoint, url)
    return Settings(configuration, timeout=1.0)


def threads_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in _THREADS]


def authenticate(settings: Settings) -> None:
    """Signs in as `get_authenticated_cognito_manager` does, with a browser that never comes back."""
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    manager = CognitoCredentialsManager.from_settings(settings, authenticator)
    authenticator.authenticate(prepare=manager.prewarm)


@each_endpoint
def test_a_login_in_code_that_times_out_leaves_no_request_to_a_server_that_says_nothing(
    cognito: LocalCognito, silent: SilentServer, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    settings = replace(settings_with(endpoint, silent, cognito, monkeypatch), timeout=600.0)
    clock = SimpleNamespace(monotonic=time.monotonic)
    monkeypatch.setattr("cognito_jupyter.oauth.login.time", clock)

    def time_out() -> None:
        silent.wait_for_request()
        clock.monotonic = lambda: time.monotonic() + 600.0

    timing_out = threading.Thread(target=time_out)
    timing_out.start()
    with pytest.raises(LoginError, match="timed out"):
        authenticate(settings)
    assert threads_left() == []
    timing_out.join()


@needs_dropped_connections
@each_endpoint
def test_a_login_in_code_that_times_out_leaves_no_connection_that_is_being_opened(
    cognito: LocalCognito, unreachable: SilentServer, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    settings = settings_with(endpoint, unreachable, cognito, monkeypatch)
    with pytest.raises(LoginError, match="timed out"):
        authenticate(settings)
    assert threads_left() == []


@each_endpoint
def test_a_login_of_a_notebook_that_is_cancelled_leaves_no_request(
    cognito: LocalCognito, silent: SilentServer, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    settings = replace(settings_with(endpoint, silent, cognito, monkeypatch), timeout=300.0)
    task = LoginTask(LoginRequest(settings, open_browser=False), CognitoOAuthAuthenticator.from_settings(settings))
    task.start()
    wait_until(lambda: task.login)
    task.link_shown.set()
    silent.wait_for_request()
    task.cancel()
    assert threads_left() == []


def test_cancelled_preparations_leave_the_connections_of_other_threads_alone(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """They share a pool: what one thread has returned to it, another may be using."""
    requests = CancellableRequests()
    with requests.running():
        authenticator.prewarm()
    before = cognito.counts["token"]
    requests.cancel()
    authenticator.prewarm()
    assert cognito.counts["token"] == before + 1
