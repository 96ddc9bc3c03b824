"""A login in its thread, without a notebook around it."""

from __future__ import annotations

import threading

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.model.login_task import LoginTask
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.service import SignIn
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.latency_proxy import LatencyProxy
from tests.support.polling import wait_until
from tests.support.shared_kernels import configuration_from_environment


def test_a_new_login_of_the_same_user_uses_the_connection_that_was_opened_before(
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
    manager: CognitoCredentialsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(configuration_from_environment(cognito.environment))
    with KeepAliveProxy(cognito.port) as front, LatencyProxy(front.port, 0) as path:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{path.port}")
        request = LoginRequest(settings, open_browser=False)
        task = LoginTask(request, authenticator, SignIn(settings, manager))
        listening = threading.Event()
        task.on_progress = listening.set
        task.start()
        assert listening.wait(60)
        assert task.login is not None
        user = cognito.demo_user
        submit_login(task.login.authorization_url, user.username, user.password)
        assert task.future.result(60).sign_in.manager is manager
        task.join()
        assert path.connections == 1


def test_nothing_is_prepared_before_the_link_is_shown(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is prepared would delay the link, of which the user is waiting to see something."""
    monkeypatch.setattr("cognito_jupyter.notebook.model.login_task._LINK_TIMEOUT", 600.0)
    settings = Settings(configuration_from_environment(cognito.environment))
    task = LoginTask(LoginRequest(settings, open_browser=False), authenticator)
    prepared, shown_before = threading.Event(), list[bool]()

    def prewarm() -> None:
        shown_before.append(task.link_shown.is_set())
        prepared.set()

    monkeypatch.setattr(authenticator, "prewarm", prewarm)
    task.start()
    wait_until(lambda: task.login)
    task.link_shown.set()
    assert prepared.wait(60)
    assert shown_before == [True]
    task.cancel()
