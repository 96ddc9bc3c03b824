"""What a caller's type checker sees; mypy reads this file, nothing runs it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_type

import boto3

from cognito_jupyter import (
    AWSCredentials,
    CognitoConfiguration,
    CognitoCredentialsManager,
    CognitoOAuthAuthenticator,
    CognitoTokenRefreshResponse,
    CognitoTokens,
    IdentityPoolCredentialsResponse,
    JwtPayload,
    OAuthCallbackServer,
    decode_jwt_payload,
    get_authenticated_cognito_manager,
)


def the_entry_point(configuration: CognitoConfiguration) -> None:
    """The convenient way."""
    manager = get_authenticated_cognito_manager(configuration)
    assert_type(manager, CognitoCredentialsManager)
    assert_type(manager.ensure_credentials("Analyst", timedelta(minutes=10)), AWSCredentials)
    assert_type(manager.get_credentials(role_suffix="Analyst")["access_key_id"], str)
    assert_type(manager.make_refreshing_session("Analyst"), boto3.Session)
    assert_type(manager.make_session(), boto3.Session)
    assert_type(manager.auth_tokens, CognitoTokens | None)
    assert_type(manager.creds_response, IdentityPoolCredentialsResponse | None)
    assert_type(manager.refresh_user_pool_tokens(), CognitoTokens)
    if manager.creds_response is not None:
        assert_type(manager.creds_response["Credentials"]["Expiration"], datetime)


def the_parts(authenticator: CognitoOAuthAuthenticator) -> None:
    """The longer way."""
    verifier, challenge = authenticator.generate_pkce_pair()
    assert_type(verifier, str)
    assert_type(authenticator.get_authorization_url(challenge, "state"), str)
    assert_type(authenticator.start_local_server(3001), OAuthCallbackServer)
    assert_type(authenticator.exchange_code_for_tokens("code", verifier), CognitoTokens)
    assert_type(authenticator.refresh_tokens("token"), CognitoTokenRefreshResponse)
    assert_type(authenticator.authenticate(), CognitoTokens)
    assert_type(decode_jwt_payload("token"), JwtPayload)
    assert_type(decode_jwt_payload("token").get("cognito:roles"), list[str] | None)
