"""The two that are measured: this package and the reference, whose public names are the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import cognito_jupyter

from .reference import find_reference
from .stage import Stage

API = Any
"""A module with the public names; the reference has no types to check."""


def implementations() -> tuple[API, API | None]:
    """This package, and the reference where it is installed."""
    return cognito_jupyter, find_reference()


def make_authenticator(api: API, stage: Stage, port: int | None = None, redirect_index: int = 0) -> Any:
    """An authenticator at the stage."""
    settings = stage.configuration(port, redirect_index)
    return api.CognitoOAuthAuthenticator(settings.domain, settings.client_id, settings.redirect_uri, settings.region)


def without_background_refresh(manager: Any) -> Any:
    """The manager, whose credentials are renewed when somebody asks and not ahead of time, as the reference's are."""
    if isinstance(manager, cognito_jupyter.CognitoCredentialsManager):
        manager.close()
    return manager


def signed_in(api: API, stage: Stage, port: int | None = None, username: str = "demo") -> Any:
    """A manager with the tokens of a login."""
    settings = stage.configuration(port)
    authenticator = make_authenticator(api, stage, port)
    verifier, challenge = authenticator.generate_pkce_pair()
    redirect_url = stage.sign_in(authenticator.get_authorization_url(challenge, "state"), username)
    code = parse_qs(urlsplit(redirect_url).query)["code"][0]
    tokens = authenticator.exchange_code_for_tokens(code, verifier)
    return api.CognitoCredentialsManager(
        settings.identity_pool_id, settings.user_pool_id, settings.region, tokens, authenticator
    )
