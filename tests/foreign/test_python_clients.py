"""Clients from PyPI sign in at the stand-in and agree with it."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Run
from .stand_in import StandIn

pytestmark = [pytest.mark.long]


def test_authlib_signs_in_refreshes_and_revokes(run_python: Run, stand_in: StandIn) -> None:
    """It validates the provider's metadata, and the id token's claims with nonce and at_hash."""
    result = run_python("authlib_client")
    assert result["issuer"] == result["claims"]["iss"] == stand_in.environment["FOREIGN_ISSUER"]
    assert result["user_info"]["sub"] == result["claims"]["sub"]
    assert result["refreshed"]
    assert result["revocation"] == [200, ""]
    assert result["refresh_after_revocation"] == "invalid_grant"


@pytest.fixture(scope="module")
def joserfc(run_python: Run) -> dict[str, Any]:
    """What joserfc reports."""
    return run_python("joserfc_client")


def test_joserfc_validates_both_tokens_and_refuses_a_changed_one(joserfc: dict[str, Any]) -> None:
    """The id token and the access token are signed with different keys of the pool."""
    tokens, headers = joserfc["claims"], joserfc["headers"]
    assert tokens["id_token"]["sub"] == tokens["access_token"]["sub"]
    assert {header["kid"] for header in headers.values()} == set(joserfc["kids"])
    assert joserfc["changed_signature"] == "BadSignatureError"


def test_joserfc_reads_the_refresh_token_as_an_encrypted_jwt(joserfc: dict[str, Any]) -> None:
    """A library that knows JWE (RFC 7516) finds its five parts, and only the pool can decrypt them."""
    assert joserfc["refresh_token_header"] == {"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"}


def test_boto3_reads_and_writes_as_the_roles_may(run_python: Run) -> None:
    """With nothing but the environment that `cognito-jupyter local` prints."""
    result = run_python("boto3_client")
    assert result["first_line"] == "star,day,magnitude,error"
    assert result["analyst_writes"] == "AccessDenied"
    assert result["uploader_writes"] is None
    assert result["unknown_role"] == result["no_logins"] == "NotAuthorizedException"


def test_mast_transfer_tools_authenticates_over_tls_and_uses_two_roles(run_python: Run) -> None:
    """Its own `authenticate()`: its browser call, its callback server, its exchange, its manager."""
    result = run_python("mast_client")
    assert result == {
        "first_line": "star,day,magnitude,error",
        "refreshed": True,
        "refresh_token_stays": True,
        "written": 200,
    }
