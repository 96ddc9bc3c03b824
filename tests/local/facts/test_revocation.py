"""What /oauth2/revoke, /oauth2/userInfo and /logout respond, and what a revocation ends.

Each test names where the fact about the real service is from.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import AppClient
from tests.local.conftest import Client
from tests.local.identity import get_credentials


def revoke(client: Client, **form: str) -> requests.Response:
    form = {"client_id": client.client_id, **form}
    return requests.post(f"{client.cognito.domain}/oauth2/revoke", data=form, timeout=10)


def user_info(client: Client, authorization: str | None) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(f"{client.cognito.domain}/oauth2/userInfo", headers=headers, timeout=10)


# -- revoking


def test_a_revocation_has_an_empty_response_without_a_type(client: Client) -> None:
    """Developer guide, "Revoke endpoint": an empty body. oidc-client-ts accepts it from Cognito, but no text/html."""
    token = client.log_in()["refresh_token"]
    for _ in range(2):
        response = revoke(client, token=token)
        assert (response.status_code, response.content) == (200, b"")
        assert "Content-Type" not in response.headers
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_revocation_ends_the_access_tokens_of_its_sign_in_alone(client: Client) -> None:
    """Developer guide, "Revoke endpoint": all access tokens of the refresh token are invalid for Cognito's APIs."""
    first, second = client.log_in(), client.log_in()
    refreshed = client.refresh(first["refresh_token"]).json()
    revoke(client, token=first["refresh_token"])
    for tokens, status in ((first, 401), (refreshed, 401), (second, 200)):
        assert user_info(client, f"Bearer {tokens['access_token']}").status_code == status
    assert client.refresh(first["refresh_token"]).json() == {"error": "invalid_grant"}


def test_the_identity_pool_accepts_the_id_token_of_a_revoked_sign_in(client: Client) -> None:
    """Developer guide, "Ending user sessions with token revocation": a token stays valid for whoever verifies it."""
    tokens = client.log_in()
    revoke(client, token=tokens["refresh_token"])
    assert get_credentials(client.cognito, token=tokens["id_token"])["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize("kind", ["access_token", "id_token"])
def test_only_a_refresh_token_can_be_revoked(client: Client, kind: str) -> None:
    """Developer guide, "Revoke endpoint"; authts/oidc-client-ts#262, AxaFrance/oidc-client#1037."""
    response = revoke(client, token=client.log_in()[kind])
    assert (response.status_code, response.json()) == (400, {"error": "unsupported_token_type"})


def test_a_revocation_without_a_token_or_for_a_client_without_the_feature_is_an_invalid_request(
    client: Client, cognito: LocalCognito
) -> None:
    """Developer guide, "Revoke endpoint"."""
    cognito.add_client(AppClient("no-revocation", (client.redirect_uri,), revocation=False))
    for form in ({}, {"client_id": "no-revocation", "token": "x"}):
        response = revoke(client, **form)
        assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})


def test_a_revocation_by_an_unknown_client_is_http_401(client: Client) -> None:
    """Developer guide, "Revoke endpoint"."""
    response = revoke(client, token="x", client_id="unknown")
    assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})


def test_an_unknown_token_is_no_error(client: Client) -> None:
    """Developer guide, "Revoke endpoint"; RFC 7009, section 2.2."""
    assert revoke(client, token="nonsense").status_code == 200


# -- userInfo


def test_user_info_has_a_flag_as_a_string(client: Client) -> None:
    """Developer guide, "userInfo endpoint": email_verified and phone_number_verified are strings."""
    response = user_info(client, f"Bearer {client.log_in()['access_token']}")
    assert response.status_code == 200
    user = client.cognito.demo_user
    expected = {"sub": user.sub, "username": "demo", "email": "demo@example.org", "email_verified": "true"}
    assert response.json() == expected


def test_user_info_of_a_pool_whose_usernames_are_subs_names_the_sub(client: Client) -> None:
    """rollthecloudinc/hedge#238: `cognito:username` is the sub there."""
    client.cognito.knobs.username_is_sub = True
    payload = user_info(client, f"Bearer {client.log_in()['access_token']}").json()
    assert payload["username"] == payload["sub"] == client.cognito.demo_user.sub


def test_user_info_of_a_user_with_a_phone_number_alone_has_no_address(cognito: LocalCognito, client: Client) -> None:
    """Developer guide, "userInfo endpoint"."""
    demo = cognito.demo_user
    cognito.pool.users["demo"] = replace(demo, email="", phone_number="+15550100")
    tokens = client.exchange(client.code(scope="openid phone")).json()
    payload = user_info(client, f"Bearer {tokens['access_token']}").json()
    assert payload == {
        "sub": demo.sub,
        "username": "demo",
        "phone_number": "+15550100",
        "phone_number_verified": "true",
    }


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic eDp5"])
def test_user_info_without_a_token_is_an_invalid_request(client: Client, authorization: str | None) -> None:
    """Developer guide, "userInfo endpoint"."""
    response = user_info(client, authorization)
    assert response.status_code == 400
    assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]
    assert 'error_description="Bad OAuth2 request at UserInfo Endpoint"' in response.headers["WWW-Authenticate"]


def test_user_info_with_a_token_that_is_no_longer_good_is_http_401(client: Client) -> None:
    """Developer guide, "userInfo endpoint": expired, revoked, malformed or invalid."""
    tokens = client.log_in()
    text = "Access token is expired, disabled, or deleted, or the user has globally signed out."
    responses = [user_info(client, f"Bearer {token}") for token in ("nonsense", tokens["id_token"])]
    client.cognito.knobs.clock_offset = 3601
    responses.append(user_info(client, f"Bearer {tokens['access_token']}"))
    for response in responses:
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        assert f'error_description="{text}"' in response.headers["WWW-Authenticate"]


# -- signing out


def test_the_logout_page_redirects_to_a_registered_address(client: Client) -> None:
    """Developer guide, "Logout endpoint"."""
    url = f"{client.cognito.domain}/logout"
    for target, registered in ((str(client.cognito.logout_uri), True), ("https://elsewhere.example", False)):
        query = {"client_id": client.client_id, "logout_uri": target}
        response = requests.get(url, query, allow_redirects=False, timeout=10)
        assert response.status_code == 302
        assert (response.headers["Location"] == target) is registered
