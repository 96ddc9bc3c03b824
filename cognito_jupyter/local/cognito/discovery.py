"""The documents of the user pool under its issuer: openid-configuration and the JSON Web Key Set.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.wrappers import Response as AnyResponse

from .responses import json_response
from .user_pool import UserPool


def add_discovery(app: Flask, pool: UserPool, domain_url: Callable[[], str]) -> None:
    """Adds the documents of a user pool to an application.

    Args:
        app: The application.
        pool: The user pool.
        domain_url: Returns the URL of the Cognito domain.
    """

    @app.get(f"/{pool.pool_id}/.well-known/jwks.json")
    def _jwks() -> AnyResponse:
        return json_response(pool.signer.jwks())

    @app.get(f"/{pool.pool_id}/.well-known/openid-configuration")
    def _configuration() -> AnyResponse:
        return json_response(_openid_configuration(pool, domain_url()))

    @app.get("/<unknown>/.well-known/<document>")
    def _unknown_pool(unknown: str, **_document: str) -> AnyResponse:
        # Cognito's own text is not known.
        return json_response({"message": f"User pool {unknown} does not exist."}, 400)


def _openid_configuration(pool: UserPool, domain_url: str) -> dict[str, Any]:
    return {
        "authorization_endpoint": f"{domain_url}/oauth2/authorize",
        "end_session_endpoint": f"{domain_url}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": pool.issuer,
        "jwks_uri": f"{pool.issuer}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": f"{domain_url}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{domain_url}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": f"{domain_url}/oauth2/userInfo",
    }
