"""GET /oauth2/authorize, the pages behind it, and what the browser brings back.

Source of all but what is named otherwise: the developer guide, "Authorize endpoint" and "Login endpoint".
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.local import LocalCognito
from tests.local.conftest import Client, callback_query, csrf_field


def error_page(client: Client, response: requests.Response) -> tuple[str, requests.Response]:
    """The address that a refused browser is sent to, and the page there."""
    location = response.headers["Location"]
    return location, client.browser.get(f"{client.cognito.domain}{location}", timeout=10)


def test_an_unregistered_redirect_uri_ends_at_an_error_page_of_cognito(client: Client) -> None:
    """Three public notes show GET /error?error=redirect_mismatch&client_id=... with status 400."""
    for path in ("/oauth2/authorize", "/login"):
        location, page = error_page(client, client.get(path, redirect_uri="http://localhost:1/other"))
        assert location == f"/error?error=redirect_mismatch&client_id={client.client_id}"
        assert page.status_code == 400


@pytest.mark.parametrize("missing", ["client_id", "redirect_uri"])
def test_a_missing_parameter_ends_at_an_error_page_of_cognito(client: Client, missing: str) -> None:
    """NASA-IMPACT/veda-data-airflow#170: /error?error=Required+parameters+missing."""
    location, page = error_page(client, client.get("/oauth2/authorize", **{missing: None}))
    assert location == "/error?error=Required+parameters+missing"
    assert page.status_code == 400
    assert "Required parameters missing" in page.text


def test_the_error_page_shows_its_text_as_text(client: Client) -> None:
    page = client.browser.get(f"{client.cognito.domain}/error?error=<script>", timeout=10)
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "changes",
    [{"response_type": None}, {"code_challenge_method": None}, {"code_challenge_method": "plain"}],
)
def test_a_malformed_request_returns_to_the_client(client: Client, changes: dict[str, str | None]) -> None:
    """No response_type, a challenge without a method, a method other than S256."""
    assert callback_query(client.get("/oauth2/authorize", **changes)) == {
        "error": "invalid_request",
        "state": "the-state",
    }


def test_an_unknown_scope_returns_to_the_client_with_a_description(client: Client) -> None:
    """mlops-club/awscdk-minecraft#40, where it was seen; the developer guide says `error=invalid_scope`."""
    query = callback_query(client.get("/oauth2/authorize", scope="openid unknown"))
    assert "invalid_scope" in query.values()


def test_prompt_none_requires_a_session_and_login_ignores_one(client: Client) -> None:
    """The guide of 2026: `prompt=none` and `prompt=login`."""
    assert callback_query(client.get("/oauth2/authorize", prompt="none"))["error"] == "login_required"
    client.post_login()
    assert "code" in callback_query(client.get("/oauth2/authorize", prompt="none"))
    assert client.get("/oauth2/authorize", prompt="login").headers["Location"].startswith("/login?")


def test_a_second_login_replaces_the_session_of_a_labmate(client: Client, cognito: LocalCognito) -> None:
    """The guide of 2026: a user who signs in again gets a new session cookie."""
    client.post_login()
    ada = cognito.add_user("ada", "lovelace-1843")
    page = client.get("/login", prompt="login")
    form = {"_csrf": csrf_field(page.text), "username": ada.username, "password": ada.password}
    client.browser.post(page.url, data=form, allow_redirects=False, timeout=10)
    tokens = client.exchange(callback_query(client.get("/oauth2/authorize"))["code"]).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    user_info = requests.get(f"{cognito.domain}/oauth2/userInfo", headers=headers, timeout=10).json()
    assert user_info["sub"] == ada.sub


def test_the_login_page_has_a_cookie_and_a_field_against_forged_requests() -> None:
    """amazon-archives/amazon-cognito-auth-js#52, aws-amplify/amplify-js#6236: XSRF-TOKEN, HttpOnly, Secure, Path=/."""
    with LocalCognito(aws=False, tls=True) as cognito:
        client = Client(cognito)
        client.browser.verify = str(cognito.ca_file)
        page = client.get("/login")
        name, _, attributes = page.headers["Set-Cookie"].partition("=")
        assert name == "XSRF-TOKEN"
        assert {"HttpOnly", "Secure", "Path=/"} <= {part.strip() for part in attributes.split(";")}
        assert csrf_field(page.text)


def test_the_authorize_request_is_passed_on_whole_to_the_login_page(client: Client) -> None:
    response = client.get("/oauth2/authorize", lang="de")
    location = urlsplit(response.headers["Location"])
    assert location.path == "/login"
    assert location.query == urlsplit(str(response.request.url)).query


_NAMES = st.sampled_from(
    ["response_type", "scope", "state", "prompt", "nonce", "resource", "identity_provider", "login_hint", "lang", "x"]
)
_VALUES = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["openid", "none", "login", "code", "\r\n"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/oauth2/authorize", "/login", "/logout"]), changes=st.dictionaries(_NAMES, _VALUES))
def test_whatever_is_requested_the_browser_goes_to_cognito_or_to_the_client(
    client: Client, path: str, changes: dict[str, str]
) -> None:
    """RFC 9700, section 4.11: no open redirect; and never HTTP 500."""
    response = client.get(path, **changes)
    if response.status_code == 302:
        location = response.headers["Location"]
        assert location.startswith((f"{client.redirect_uri}?", "/login?", "/error?", "/oauth2/authorize?"))
        state = changes.get("state", "the-state")
        if location.startswith(client.redirect_uri):
            assert parse_qs(urlsplit(location).query, keep_blank_values=True)["state"] == [state]
    else:
        assert response.status_code == 200
        assert 'name="_csrf"' in response.text
