"""POST /oauth2/token, refreshing, rotation, and the claims of the tokens.

Source of all but what is named otherwise: Amazon Cognito developer guide, "Token endpoint", "Refresh tokens",
"userInfo endpoint", "Using the ID token".
"""

from __future__ import annotations

import base64
import hashlib

import jwt
import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import AppClient
from tests.local.conftest import Client


def claims(token: str) -> dict[str, object]:
    payload: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return payload


def error_of(response: requests.Response) -> tuple[int, dict[str, str]]:
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    return response.status_code, response.json()


# -- codes


def test_a_code_is_exchanged_for_three_tokens(client: Client) -> None:
    response = client.exchange(client.code())
    assert response.status_code == 200
    assert sorted(response.json()) == ["access_token", "expires_in", "id_token", "refresh_token", "token_type"]
    assert response.json()["expires_in"] == 3600
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("frozen_clock")
def test_a_code_is_valid_for_five_minutes(client: Client, cognito: LocalCognito) -> None:
    first, second = client.code(), client.code()
    cognito.knobs.clock_offset = 299
    assert client.exchange(first).status_code == 200
    cognito.knobs.clock_offset = 301
    assert error_of(client.exchange(second)) == (400, {"error": "invalid_grant"})


def test_another_redirect_uri_than_authorized_is_an_unauthorized_client(client: Client) -> None:
    """With the description that is seen live."""
    other = client.cognito.redirect_uri.split()[1]
    expected = {"error": "unauthorized_client", "error_description": "invalid_redirect"}
    assert error_of(client.exchange(client.code(), redirect_uri=other)) == (400, expected)


def test_another_clients_code_is_an_invalid_grant(client: Client, cognito: LocalCognito) -> None:
    cognito.add_client(AppClient("other-client", (client.redirect_uri,)))
    assert error_of(client.exchange(client.code(), client_id="other-client"))[1]["error"] == "invalid_grant"


# -- refreshing


def test_without_rotation_no_refresh_token_comes_back(client: Client) -> None:
    tokens = client.log_in()
    response = client.refresh(tokens["refresh_token"]).json()
    assert sorted(response) == ["access_token", "expires_in", "id_token", "token_type"]
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_auth_time_does_not_change_on_refresh(client: Client, cognito: LocalCognito) -> None:
    tokens = client.log_in()
    cognito.knobs.clock_offset = 100
    new = claims(client.refresh(tokens["refresh_token"]).json()["id_token"])
    assert new["auth_time"] == claims(tokens["id_token"])["auth_time"]
    assert new["iat"] != claims(tokens["id_token"])["iat"]


def test_without_grace_a_rotated_refresh_token_is_invalid_at_once(client: Client, cognito: LocalCognito) -> None:
    cognito.knobs.rotation = True
    old = client.log_in()["refresh_token"]
    new = client.refresh(old).json()["refresh_token"]
    cognito.knobs.clock_offset = 1
    assert error_of(client.refresh(old)) == (400, {"error": "invalid_grant"})
    assert client.refresh(new).status_code == 200


def test_within_the_grace_a_replay_forks_and_only_the_newest_child_survives(
    client: Client, cognito: LocalCognito
) -> None:
    cognito.knobs.rotation, cognito.knobs.grace = True, 60
    old = client.log_in()["refresh_token"]
    first = client.refresh(old).json()["refresh_token"]
    second = client.refresh(old).json()["refresh_token"]
    assert error_of(client.refresh(first)) == (400, {"error": "invalid_grant"})
    third = client.refresh(second).json()["refresh_token"]
    cognito.knobs.clock_offset = 61
    assert error_of(client.refresh(old)) == (400, {"error": "invalid_grant"})
    assert client.refresh(third).status_code == 200


def test_rotation_does_not_extend_the_session(client: Client, cognito: LocalCognito) -> None:
    """The new one has the remaining lifetime: authts/oidc-client-ts#2039."""
    cognito.knobs.rotation, cognito.knobs.refresh_token_seconds = True, 100
    token = client.log_in()["refresh_token"]
    cognito.knobs.clock_offset = 90
    token = client.refresh(token).json()["refresh_token"]
    cognito.knobs.clock_offset = 101
    assert error_of(client.refresh(token)) == (400, {"error": "invalid_grant"})


# -- the tokens


def test_both_tokens_are_signed_by_published_keys_of_their_own(client: Client) -> None:
    """RS256, two kids; the JWKS lies beside the openid-configuration, under the issuer's path."""
    tokens = client.log_in()
    keys = jwt.PyJWKSet.from_dict(
        requests.get(f"{client.cognito.domain}/{client.cognito.user_pool_id}/.well-known/jwks.json", timeout=10).json()
    )
    headers = [jwt.get_unverified_header(tokens[name]) for name in ("id_token", "access_token")]
    assert {header["alg"] for header in headers} == {"RS256"}
    assert len({header["kid"] for header in headers}) == 2
    for name, header in zip(("id_token", "access_token"), headers, strict=True):
        options = {"verify_aud": False}
        assert jwt.decode(tokens[name], keys[header["kid"]], algorithms=["RS256"], options=options)  # type: ignore[arg-type]


def test_the_openid_configuration_names_the_domains_endpoints(client: Client) -> None:
    cognito = client.cognito
    url = f"{cognito.domain}/{cognito.user_pool_id}/.well-known/openid-configuration"
    document = requests.get(url, timeout=10).json()
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{cognito.user_pool_id}"
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert document["authorization_endpoint"] == f"{cognito.domain}/oauth2/authorize"
    assert document["token_endpoint"] == f"{cognito.domain}/oauth2/token"


def test_the_id_token_names_its_user_and_its_client(client: Client) -> None:
    tokens = client.log_in()
    token_claims = claims(tokens["id_token"])
    assert token_claims["aud"] == client.client_id
    assert token_claims["token_use"] == "id"
    assert token_claims["nonce"] == "the-nonce"
    assert token_claims["cognito:username"] == "demo"
    assert token_claims["email"] == "demo@example.org"
    assert token_claims["exp"] == token_claims["iat"] + 3600  # type: ignore[operator]
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert token_claims["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_the_access_token_has_a_client_id_and_no_audience(client: Client) -> None:
    token_claims = claims(client.log_in()["access_token"])
    assert (token_claims["client_id"], token_claims["token_use"], token_claims["scope"]) == (
        client.client_id,
        "access",
        "openid email",
    )
    assert "aud" not in token_claims


def test_roles_are_an_array_in_the_order_of_precedence(client: Client, cognito: LocalCognito) -> None:
    """An array as in live tokens (aws-sdk-net#943); the preferred role is of the group with the lowest precedence."""
    token_claims = claims(client.log_in()["id_token"])
    assert token_claims["cognito:groups"] == ["Analyst", "Uploader"]
    assert token_claims["cognito:roles"] == [cognito.roles["Analyst"], cognito.roles["Uploader"]]
    assert token_claims["cognito:preferred_role"] == cognito.roles["Analyst"]


def test_no_role_is_preferred_when_two_groups_tie(cognito: LocalCognito) -> None:
    for name in ("A", "B"):
        cognito.add_group(name, f"arn:aws:iam::123456789012:role/{name}", 1)
    cognito.add_user("tied", "tied-password", ["A", "B"])
    assert "cognito:preferred_role" not in claims(cognito.issue_tokens("tied")["id_token"])
    cognito.add_user("single", "single-password", ["B"])
    token_claims = claims(cognito.issue_tokens("single")["id_token"])
    assert token_claims["cognito:preferred_role"] == "arn:aws:iam::123456789012:role/B"


def test_user_info_requires_an_access_token_with_openid(client: Client, cognito: LocalCognito) -> None:
    """401 with WWW-Authenticate otherwise; email_verified is a string there."""
    url = f"{cognito.domain}/oauth2/userInfo"
    tokens = client.log_in()
    response = requests.get(url, headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=10)
    assert response.json()["email_verified"] == "true"
    cognito.add_client(AppClient("api", (client.redirect_uri,), scopes=("openid", "api/read")))
    api = Client(cognito, "api")
    without_openid = api.exchange(api.code(scope="api/read")).json()
    for token in (tokens["id_token"], without_openid["access_token"], "nonsense"):
        refused = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    cognito.knobs.clock_offset = 3601
    response = requests.get(url, headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=10)
    assert response.status_code == 401
