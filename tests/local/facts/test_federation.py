"""Users who sign in at an external identity provider.

Sources: the developer guide, "Authorize endpoint" and "Using the ID token"; aws-amplify/amplify-android,
AuthWebUIPrompt; nextauthjs/next-auth#3544 and teleport#69748 for the nonce.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.local.model import User
from tests.local.conftest import Client, callback_query


@pytest.fixture
def ada(cognito: LocalCognito) -> User:
    cognito.add_identity_provider("University", identifiers=["uni.example"])
    return cognito.add_user("ada", "lovelace-1843", ["Analyst"], "ada@uni.example", provider="University")


def authorize_url(client: Client, **changes: str | None) -> str:
    return f"{client.cognito.domain}/oauth2/authorize?{urlencode(client.authorize_query(**changes))}"


def id_token_claims(client: Client, user: User, **changes: str | None) -> dict[str, Any]:
    """The id token of a login at the provider, in a new browser."""
    url = authorize_url(client, identity_provider="University", **changes)
    callback = submit_login(url, "ada", user.password, follow_callback=False)
    tokens = client.exchange(parse_qs(urlsplit(callback).query)["code"][0]).json()
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("choice", [{"identity_provider": "University"}, {"idp_identifier": "uni.example"}])
def test_a_named_provider_skips_the_choice(client: Client, ada: User, choice: dict[str, str]) -> None:
    """Developer guide: with `identity_provider` or `idp_identifier` the user goes to the provider's page at once."""
    assert ada.provider is not None
    assert client.get("/oauth2/authorize", **choice).headers["Location"].startswith("/identity-provider?")
    assert client.get("/oauth2/authorize").headers["Location"].startswith("/login?")
    native = client.get("/oauth2/authorize", identity_provider="COGNITO").headers["Location"]
    assert native.startswith("/login?")


def test_the_login_page_offers_the_providers(client: Client, ada: User) -> None:
    assert ada.provider is not None
    assert f"Continue with {ada.provider.name}" in client.get("/login").text
    assert "Continue with" not in client.get("/identity-provider", identity_provider="University").text


def test_a_federated_user_is_named_by_provider_and_has_identities(client: Client, ada: User) -> None:
    """Developer guide, "Using the ID token": `identities`, and a group named after the pool and the provider."""
    claims = id_token_claims(client, ada)
    assert claims["cognito:username"] == "University_ada"
    identity = claims["identities"][0]
    assert (identity["providerName"], identity["userId"]) == ("University", "ada")
    assert claims["cognito:groups"] == [f"{client.cognito.user_pool_id}_University", "Analyst"]
    assert claims["cognito:roles"] == [client.cognito.roles["Analyst"]]


def test_a_federated_id_token_has_a_nonce_that_was_not_requested(client: Client, ada: User) -> None:
    """nextauthjs/next-auth#3544, gravitational/teleport#69748; a nonce that was sent comes back."""
    assert id_token_claims(client, ada, nonce="mine")["nonce"] == "mine"
    assert len(id_token_claims(client, ada, nonce=None)["nonce"]) > 20


def test_a_password_of_the_provider_is_no_password_of_the_pool(client: Client, ada: User) -> None:
    for username in ("ada", ada.username):
        with pytest.raises(RuntimeError, match="Incorrect username or password"):
            submit_login(authorize_url(client), username, ada.password)


def test_select_account_has_no_effect_on_a_local_session(client: Client) -> None:
    """aws-amplify/amplify-android, AuthWebUIPrompt: the value is only passed on to external providers."""
    client.post_login()
    assert "code" in callback_query(client.get("/oauth2/authorize", prompt="select_account"))


@pytest.mark.parametrize("prompt", ["login", "select_account", "consent"])
def test_a_prompt_is_passed_on_to_the_provider(client: Client, ada: User, prompt: str) -> None:
    """aws-amplify/amplify-android, AuthWebUIPrompt."""
    assert ada.provider is not None
    location = client.get("/oauth2/authorize", identity_provider="University", prompt=prompt).headers["Location"]
    assert location.startswith("/identity-provider?")
    assert f"prompt={prompt}" in location


def test_another_providers_session_does_not_count(client: Client, ada: User) -> None:
    client.post_login()
    assert ada.provider is not None
    response = client.get("/oauth2/authorize", identity_provider="University")
    assert response.headers["Location"].startswith("/identity-provider?")


def test_an_error_of_a_provider_comes_back_without_a_state(client: Client, ada: User) -> None:
    """Developer guide, "Managed login and federation error responses"; aws/aws-sdk-js-v3#6201 shows such a URL."""
    client.cognito.knobs.login_error = "Invalid SAML response received"
    url = authorize_url(client, identity_provider="University")
    callback = submit_login(url, "ada", ada.password, follow_callback=False)
    query = parse_qs(urlsplit(callback).query)
    assert query == {"error": ["server_error"], "error_description": ["Invalid SAML response received"]}
    client.cognito.knobs.login_error = ""
    assert "code=" in submit_login(url, "ada", ada.password, follow_callback=False)
