"""A login on its way, without a notebook around it."""

from __future__ import annotations

import threading

import pytest

from cognito_jupyter.config import CognitoConfiguration, Settings
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.person import sign_in
from cognito_jupyter.notebook.attempt import Attempt
from cognito_jupyter.notebook.signin import LoginRequest, SignIn
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.benchmarks.distance import Distance
from tests.benchmarks.front import Front


def test_whoever_comes_back_finds_the_connection_of_the_manager_of_before_open(
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
    manager: CognitoCredentialsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        CognitoConfiguration(
            cognito.domain,
            cognito.client_id,
            cognito.redirect_uri,
            cognito.region,
            cognito.user_pool_id,
            cognito.identity_pool_id,
        )
    )
    with Front(cognito.port) as front, Distance(front.port, 0) as path:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{path.port}")
        request = LoginRequest(settings, "session", "cognito", None, 60, paste=False, open_browser=False)
        attempt = Attempt(request, authenticator, SignIn(settings, manager))
        listening = threading.Event()
        attempt.on_ready = listening.set
        attempt.start()
        assert listening.wait(60)
        assert attempt.login is not None
        user = cognito.demo_user
        sign_in(attempt.login.authorization_url, user.username, user.password)
        assert attempt.outcome.result(60).sign_in.manager is manager
        attempt.settle()
        assert path.connections == 1
