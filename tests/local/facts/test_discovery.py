"""The documents of a user pool.

Sources: the developer guide, "OIDC endpoints"; tatums/markdown-auth for a pool without a domain.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from cognito_jupyter.local import LocalCognito


def configuration(cognito: LocalCognito) -> dict[str, Any]:
    url = f"{cognito.endpoint}/{cognito.user_pool_id}/.well-known/openid-configuration"
    document: dict[str, Any] = requests.get(url, timeout=10).json()
    return document


def test_the_configuration_has_the_twelve_members_that_cognito_publishes(cognito: LocalCognito) -> None:
    """Developer guide, and the copies in many clients."""
    document = configuration(cognito)
    assert sorted(document) == [
        "authorization_endpoint",
        "end_session_endpoint",
        "id_token_signing_alg_values_supported",
        "issuer",
        "jwks_uri",
        "response_types_supported",
        "revocation_endpoint",
        "scopes_supported",
        "subject_types_supported",
        "token_endpoint",
        "token_endpoint_auth_methods_supported",
        "userinfo_endpoint",
    ]
    assert document["jwks_uri"] == f"{document['issuer']}/.well-known/jwks.json"


def test_a_pool_without_a_domain_names_its_issuer_as_the_authorization_endpoint(cognito: LocalCognito) -> None:
    """tatums/markdown-auth: without the path /oauth2/authorize."""
    cognito.knobs.has_domain = False
    document = configuration(cognito)
    assert document["authorization_endpoint"] == document["issuer"] == cognito.pool.issuer


@pytest.mark.parametrize("name", ["openid-configuration", "jwks.json"])
def test_an_unknown_pool_has_no_documents(cognito: LocalCognito, name: str) -> None:
    """Two public tests: HTTP 400 in recent years, 404 before, with "User pool ... does not exist."."""
    response = requests.get(f"{cognito.endpoint}/us-east-1_Another00/.well-known/{name}", timeout=10)
    assert response.status_code in {400, 404}
    assert response.json() == {"message": "User pool us-east-1_Another00 does not exist."}
