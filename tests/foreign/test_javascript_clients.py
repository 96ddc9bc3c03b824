"""Clients from npm, as their documentation shows them, sign in at the stand-in and agree with it."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Run
from .stand_in import StandIn

pytestmark = [pytest.mark.long]


@pytest.fixture(scope="module")
def openid_client(run_javascript: Run) -> dict[str, Any]:
    """What openid-client reports."""
    return run_javascript("openid_client")


@pytest.fixture(scope="module")
def oidc_client_ts(run_javascript: Run) -> dict[str, Any]:
    """What oidc-client-ts reports."""
    return run_javascript("oidc_client_ts")


@pytest.fixture(scope="module")
def aws_jwt_verify(run_javascript: Run) -> dict[str, Any]:
    """What aws-jwt-verify reports."""
    return run_javascript("aws_jwt_verify")


@pytest.fixture(scope="module")
def aws_sdk(run_javascript: Run) -> dict[str, Any]:
    """What the AWS SDK for JavaScript reports."""
    return run_javascript("aws_sdk")


def test_openid_client_signs_in_and_accepts_the_id_token(openid_client: dict[str, Any], stand_in: StandIn) -> None:
    """It checks state, nonce, issuer, audience, times and signature by itself."""
    claims = openid_client["claims"]
    assert openid_client["issuer"] == claims["iss"] == stand_in.environment["FOREIGN_ISSUER"]
    assert claims["aud"] == stand_in.environment["COGNITO_CLIENT_ID"]
    assert openid_client["userInfo"]["sub"] == claims["sub"]


def test_openid_client_cannot_use_a_code_twice(openid_client: dict[str, Any]) -> None:
    """RFC 6749, section 4.1.2."""
    assert openid_client["codeUsedTwice"] == "invalid_grant"


def test_openid_client_refreshes_until_it_revokes(openid_client: dict[str, Any]) -> None:
    """It checks that a refreshed id token has the same issuer and subject."""
    assert openid_client["refreshedClaims"]["sub"] == openid_client["claims"]["sub"]
    assert not openid_client["rotated"]
    assert openid_client["refreshAfterRevocation"] == "invalid_grant"


def test_oidc_client_ts_signs_in_and_refreshes(oidc_client_ts: dict[str, Any], stand_in: StandIn) -> None:
    """As a single-page application does, with userInfo."""
    profile = oidc_client_ts["profile"]
    assert profile["iss"] == stand_in.environment["FOREIGN_ISSUER"]
    assert profile["email"] == "demo@example.org"
    assert oidc_client_ts["refreshed"]
    assert not oidc_client_ts["rotated"]


def test_oidc_client_ts_revokes_the_refresh_token(oidc_client_ts: dict[str, Any]) -> None:
    """It refuses responses of another Content-Type than JSON, also an empty one: authts/oidc-client-ts#262."""
    assert oidc_client_ts["contentTypeOfRevocation"] is None
    assert oidc_client_ts["refreshAfterRevocation"] == "invalid_grant"


def test_aws_jwt_verify_accepts_both_tokens(aws_jwt_verify: dict[str, Any], stand_in: StandIn) -> None:
    """And fetches the keys once for each verifier, below the issuer."""
    assert aws_jwt_verify["idClaims"]["sub"] == aws_jwt_verify["accessClaims"]["sub"]
    assert aws_jwt_verify["groupMember"] is None
    assert aws_jwt_verify["fetched"] == [f"{stand_in.environment['FOREIGN_ISSUER']}/.well-known/jwks.json"]


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("idTokenAsAccessToken", "CognitoJwtInvalidTokenUseError"),
        ("anotherClient", "CognitoJwtInvalidClientIdError"),
        ("anotherPool", "ParameterValidationError"),  # "issuer not configured", with either form of the issuer
        ("changedSignature", "JwtInvalidSignatureError"),
    ],
)
def test_aws_jwt_verify_refuses_what_does_not_belong(aws_jwt_verify: dict[str, Any], case: str, error: str) -> None:
    """Each refusal is for its own reason, so the tokens are right in everything else."""
    assert aws_jwt_verify[case] == error


def test_the_aws_sdk_reads_and_writes_as_the_roles_may(aws_sdk: dict[str, Any]) -> None:
    """Analyst reads only; Uploader writes; without CustomRoleArn the pool chooses the preferred role."""
    assert aws_sdk["analystReads"] == aws_sdk["poolChooses"] == "star,day,magnitude,error"
    assert (aws_sdk["analystWrites"]["name"], aws_sdk["analystWrites"]["status"]) == ("AccessDenied", 403)
    assert aws_sdk["uploaderWrites"] == 200
    assert aws_sdk["expiration"] == "number"


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("unknownRole", "NotAuthorizedException"),
        ("accessTokenInLogins", "NotAuthorizedException"),
        ("noLogins", "NotAuthorizedException"),
        ("unknownPool", "ResourceNotFoundException"),
    ],
)
def test_the_aws_sdk_names_the_identity_pools_errors(aws_sdk: dict[str, Any], case: str, error: str) -> None:
    """It makes a typed exception of the error's header and body."""
    assert (aws_sdk[case]["name"], aws_sdk[case]["status"]) == (error, 400)
    assert aws_sdk[case]["message"]
