"""The two implementations that are measured: this package and the reference, with the same public names."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import cognito_jupyter

from .reference import find_reference
from .stage import Stage

API = Any
"""A module with the public names. It is Any because the reference has no types."""


def implementations() -> tuple[API, API | None]:
    """Returns this package, and the reference if it is installed."""
    return cognito_jupyter, find_reference()


def make_authenticator(api: API, stage: Stage, port: int | None = None, redirect_index: int = 0) -> Any:
    """Returns an authenticator for the stage's Cognito.

    Args:
        api: The implementation.
        stage: The Cognito.
        port: The port to connect to; None: the one without latency.
        redirect_index: Chooses among the registered redirect URIs.
    """
    settings = stage.configuration(port, redirect_index)
    return api.CognitoOAuthAuthenticator(settings.domain, settings.client_id, settings.redirect_uri, settings.region)


def without_background_refresh(manager: Any) -> Any:
    """Stops the manager's background refresh: like the reference, it then refreshes only when a caller needs it."""
    if isinstance(manager, cognito_jupyter.CognitoCredentialsManager):
        manager.close()
    return manager


def signed_in(api: API, stage: Stage, port: int | None = None, username: str = "demo") -> Any:
    """Returns a manager with the tokens of a login.

    Args:
        api: The implementation.
        stage: The Cognito.
        port: The port to connect to; None: the one without latency.
        username: The user who signs in.
    """
    settings = stage.configuration(port)
    authenticator = make_authenticator(api, stage, port)
    verifier, challenge = authenticator.generate_pkce_pair()
    redirect_url = stage.sign_in(authenticator.get_authorization_url(challenge, "state"), username)
    code = parse_qs(urlsplit(redirect_url).query)["code"][0]
    tokens = authenticator.exchange_code_for_tokens(code, verifier)
    return api.CognitoCredentialsManager(
        settings.identity_pool_id, settings.user_pool_id, settings.region, tokens, authenticator
    )
