"""The documents of the user pool under its issuer: openid-configuration and the JSON Web Key Set.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, request
from werkzeug.wrappers import Response as AnyResponse

from ..faults import is_loopback_host
from .responses import json_response
from .tokens.issuer import host_names
from .user_pool import UserPool


def add_discovery(app: Flask, pool: UserPool, domain_url: Callable[[], str]) -> None:
    """Adds the documents of a user pool to an application.

    Args:
        app: The application.
        pool: The user pool.
        domain_url: Returns the URL of the Cognito domain.
    """

    @app.get("/<pool_id>/.well-known/jwks.json")
    def _jwks(pool_id: str) -> AnyResponse:
        return _error_for_host(pool, pool_id) or json_response(pool.signer.jwks())

    @app.get("/<pool_id>/.well-known/openid-configuration")
    def _configuration(pool_id: str) -> AnyResponse:
        return _error_for_host(pool, pool_id) or json_response(_openid_configuration(pool, domain_url()))


def _error_for_host(pool: UserPool, pool_id: str) -> AnyResponse | None:
    """Returns the response where a host name of AWS does not serve the documents of this pool; None where it does."""
    host = request.host.partition(":")[0]
    if pool_id != pool.pool_id or not (_region_of_host(pool) or is_loopback_host(request.host)):
        return json_response({"message": f"User pool {pool_id} does not exist."}, 400)
    if host.startswith("issuer-") and pool.knobs.issuer_type != "UPDATED":
        # The status is that of awslabs/aws-jwt-verify#279; the body is not known.
        return json_response({"message": "Forbidden"}, 403)
    return None


def _region_of_host(pool: UserPool) -> str | None:
    host = request.host.partition(":")[0]
    return next((region for region in pool.regions if host in host_names(region)), None)


def _openid_configuration(pool: UserPool, domain_url: str) -> dict[str, Any]:
    # Behind one endpoint for all Regions, the one that issues now.
    issuer = pool.issuer_in(_region_of_host(pool) or pool.knobs.issuing_region)
    if not pool.knobs.has_domain:
        # As in tatums/markdown-auth, an old document; what else it has is not known.
        return {
            "authorization_endpoint": issuer,
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
        }
    return {
        "authorization_endpoint": f"{domain_url}/oauth2/authorize",
        "end_session_endpoint": f"{domain_url}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": f"{domain_url}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{domain_url}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": f"{domain_url}/oauth2/userInfo",
    }
