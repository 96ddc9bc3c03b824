"""What the scopes of an authorization request decide.

Source: the developer guide, "Authorize endpoint", request parameter `scope`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.local.model import AppClient, User
from tests.local.conftest import Client, callback_query

SCOPES = ("openid", "email", "phone", "profile", "api/read")


def claims(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


@pytest.fixture
def api_client(cognito: LocalCognito) -> Client:
    """A client with a scope of its own."""
    uris = tuple(cognito.redirect_uri.split())
    return Client(cognito, cognito.add_client(AppClient("api-client", uris, scopes=SCOPES)).client_id)


@pytest.fixture
def ada(cognito: LocalCognito) -> User:
    return cognito.add_user("ada", "lovelace-1843", phone_number="+4930123456", name="Ada Lovelace")


def tokens_of(client: Client, user: User, **changes: str | None) -> dict[str, Any]:
    """The tokens of a login in a new browser."""
    url = f"{client.cognito.domain}/oauth2/authorize?{urlencode(client.authorize_query(**changes))}"
    callback = submit_login(url, user.username, user.password, follow_callback=False)
    tokens: dict[str, Any] = client.exchange(parse_qs(urlsplit(callback).query)["code"][0]).json()
    return tokens


def test_a_request_without_scopes_gets_all_scopes_of_the_client(api_client: Client, ada: User) -> None:
    """Developer guide: "If the client doesn't request any scopes, ... all scopes associated with the client"."""
    tokens = tokens_of(api_client, ada, scope=None)
    assert set(claims(tokens["access_token"])["scope"].split()) == set(SCOPES)
    assert claims(tokens["id_token"])["email"] == "ada@example.org"


def test_an_id_token_comes_only_with_openid(api_client: Client, ada: User) -> None:
    """Developer guide: "An ID token is only returned if openid scope is requested"; also at a refresh."""
    tokens = tokens_of(api_client, ada, scope="api/read")
    assert "id_token" not in tokens
    refreshed = api_client.refresh(tokens["refresh_token"]).json()
    assert "id_token" not in refreshed
    assert claims(refreshed["access_token"])["scope"] == "api/read"


@pytest.mark.parametrize("scope", ["email", "phone", "profile", "email api/read"])
def test_a_scope_for_attributes_comes_only_with_openid(api_client: Client, scope: str) -> None:
    """Developer guide; that Cognito reports it like an unknown scope is not verified, so only an error is asserted."""
    assert "error" in callback_query(api_client.get("/oauth2/authorize", scope=scope))


@pytest.mark.parametrize(
    ("scope", "opened", "closed"),
    [
        ("openid", {"email", "phone_number", "name"}, set()),
        ("openid profile", {"name"}, set()),
        ("openid email", {"email"}, {"phone_number"}),
        ("openid phone", {"phone_number"}, {"email"}),
        ("openid email phone", {"email", "phone_number"}, set()),
    ],
)
def test_scopes_decide_which_attributes_the_id_token_and_user_info_have(
    api_client: Client, ada: User, scope: str, opened: set[str], closed: set[str]
) -> None:
    """Developer guide, "userInfo endpoint": `openid` alone opens every attribute that the client may read.

    For the id token AWS says the same of `openid`: "App client terms" of 2023, and OAuthScope.OPENID of the AWS CDK.
    What else `profile` opens is not known: every attribute by "App client terms", neither e-mail address nor phone
    number by "userInfo endpoint".
    """
    tokens = tokens_of(api_client, ada, scope=scope)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    user_info = requests.get(f"{api_client.cognito.domain}/oauth2/userInfo", headers=headers, timeout=10).json()
    token = claims(tokens["id_token"])
    assert opened <= token.keys()
    assert opened <= user_info.keys()
    assert not closed & (token.keys() | user_info.keys())
    assert all(token[f"{name}_verified"] is True for name in opened - {"name"})
    assert all(user_info[f"{name}_verified"] == "true" for name in opened - {"name"})


def test_a_resource_becomes_the_audience_of_the_access_token(api_client: Client, ada: User) -> None:
    """Developer guide, "Authorize endpoint", `resource` (RFC 8707); the id token's audience stays the client."""
    tokens = tokens_of(api_client, ada, resource="https://api.example.org")
    assert claims(tokens["access_token"])["aud"] == "https://api.example.org"
    assert claims(tokens["id_token"])["aud"] == api_client.client_id
    refreshed = api_client.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["access_token"])["aud"] == "https://api.example.org"


def test_a_user_without_an_address_is_known_by_phone_number(api_client: Client, cognito: LocalCognito) -> None:
    """Pools may sign users in by phone number: aws-amplify/aws-sdk-ios#3070 names such users by their sub."""
    cognito.knobs.username_is_sub = True
    grace = cognito.add_user("+15550100", "cobol-1959", email="", phone_number="+15550100")
    token = claims(tokens_of(api_client, grace, scope="openid phone")["id_token"])
    assert "email" not in token
    assert token["phone_number"] == "+15550100"
    assert token["cognito:username"] == token["sub"] == grace.sub
