"""GET /oauth2/authorize and the pages behind it.

Source of all but what is named otherwise: Amazon Cognito developer guide, "Authorize endpoint" and "Login endpoint".
"""

from __future__ import annotations

import dataclasses

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import AppClient
from tests.local.conftest import Client, callback_query


def test_the_browser_is_sent_to_login_with_the_same_query(client: Client) -> None:
    response = client.get("/oauth2/authorize")
    assert response.status_code == 302
    path, _, query = response.headers["Location"].partition("?")
    assert path == "/login"
    assert query == response.request.url.partition("?")[2]  # type: ignore[union-attr]


def test_a_good_password_sends_the_browser_back_with_code_and_state(client: Client) -> None:
    response = client.post_login()
    assert response.headers["Location"].startswith(f"{client.redirect_uri}?")
    assert set(callback_query(response)) == {"code", "state"}
    assert callback_query(response)["state"] == "the-state"


@pytest.mark.parametrize("change", ["/", "?x=1", "X"])
def test_a_redirect_uri_is_compared_to_the_character(client: Client, change: str) -> None:
    """The browser never reaches the callback: it is redirected to /error?error=redirect_mismatch."""
    response = client.get("/oauth2/authorize", redirect_uri=client.redirect_uri + change)
    assert response.headers["Location"] == f"/error?error=redirect_mismatch&client_id={client.client_id}"
    page = client.browser.get(f"{client.cognito.domain}{response.headers['Location']}", timeout=10)
    assert page.status_code == 400
    assert "not registered" in page.text


def test_an_unknown_client_ends_at_the_error_page_too(client: Client) -> None:
    response = client.get("/oauth2/authorize", client_id="unknown")
    assert response.headers["Location"].startswith("/error?error=redirect_mismatch")


@pytest.mark.parametrize(
    "changes",
    [
        {"response_type": None},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_malformed_request_comes_back_as_invalid_request(client: Client, changes: dict[str, str | None]) -> None:
    """No response_type; challenge without method, method without challenge, a method other than S256."""
    assert callback_query(client.get("/oauth2/authorize", **changes)) == {
        "error": "invalid_request",
        "state": "the-state",
    }


@pytest.mark.parametrize("kind", ["token", "nonsense"])
def test_a_flow_that_is_not_allowed_comes_back_as_unauthorized_client(client: Client, kind: str) -> None:
    assert callback_query(client.get("/oauth2/authorize", response_type=kind))["error"] == "unauthorized_client"


def test_a_client_without_the_code_grant_is_unauthorized(client: Client, cognito: LocalCognito) -> None:
    other = cognito.add_client(AppClient("no-code-grant", (client.redirect_uri,), code_grant=False))
    assert callback_query(client.get("/oauth2/authorize", client_id=other.client_id))["error"] == "unauthorized_client"


def test_a_scope_that_is_not_allowed_is_an_invalid_request_as_seen_live(client: Client) -> None:
    """Source: mlops-club/awscdk-minecraft#40."""
    response = callback_query(client.get("/oauth2/authorize", scope="openid aws.cognito.signin.user.admin"))
    assert (response["error"], response["error_description"]) == ("invalid_request", "invalid_scope")


def test_without_a_session_prompt_none_comes_back_as_login_required(client: Client) -> None:
    assert callback_query(client.get("/oauth2/authorize", prompt="none"))["error"] == "login_required"


def test_a_session_cookie_makes_a_password_unnecessary(client: Client) -> None:
    client.post_login()
    assert "code" in callback_query(client.get("/oauth2/authorize"))
    assert "code" in callback_query(client.get("/oauth2/authorize", prompt="none"))
    assert client.get("/oauth2/authorize", prompt="login").headers["Location"].startswith("/login")


@pytest.mark.usefixtures("frozen_clock")
def test_the_session_cookie_expires(client: Client, cognito: LocalCognito) -> None:
    """After an hour by default."""
    client.post_login()
    cognito.knobs.clock_offset = 3599
    assert "code" in callback_query(client.get("/oauth2/authorize"))
    cognito.knobs.clock_offset = 3601
    assert client.get("/oauth2/authorize").headers["Location"].startswith("/login")


def test_login_hint_fills_the_user_name(client: Client) -> None:
    assert 'value="ada"' in client.get("/login", login_hint="ada").text
    assert "<script>" not in client.get("/login", login_hint='"><script>').text


@pytest.mark.parametrize(("username", "password"), [("demo", "wrong"), ("unknown", "wrong")])
def test_the_page_reports_a_wrong_password_without_saying_which_field(
    client: Client, username: str, password: str
) -> None:
    response = client.post_login(username, password)
    assert response.status_code == 200
    assert 'role="alert"' in response.text
    assert "Incorrect username or password" in response.text
    assert password not in response.text


def test_a_form_without_its_hidden_field_is_refused(client: Client) -> None:
    """Against CSRF: another site's form does not know the field."""
    assert client.post_login(_csrf="guessed").status_code == 403
    user = client.cognito.demo_user
    client.get("/login")
    client.browser.cookies.clear()
    stolen = {"_csrf": "x", "username": user.username, "password": user.password}
    url = f"{client.cognito.domain}/login"
    response = client.browser.post(url, params=client.authorize_query(), data=stolen, allow_redirects=False, timeout=10)
    assert response.status_code == 403


def test_the_login_page_cannot_be_framed_or_cached(client: Client) -> None:
    headers = client.get("/login").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_cookies_are_httponly_and_samesite(client: Client) -> None:
    """HttpOnly, and not sent along by other sites' posts."""
    cookies = client.post_login().headers["Set-Cookie"]
    assert "HttpOnly" in cookies
    assert "SameSite=Lax" in cookies


def test_only_a_get_is_an_authorize_request(client: Client) -> None:
    response = client.browser.post(
        f"{client.cognito.domain}/oauth2/authorize", data=client.authorize_query(), timeout=10
    )
    assert response.status_code == 405


def test_logout_ends_the_session_cookie(client: Client) -> None:
    """Source: developer guide, "Logout endpoint"."""
    client.post_login()
    response = client.get("/logout", logout_uri=client.cognito.logout_uri, redirect_uri=None)
    assert response.headers["Location"] == client.cognito.logout_uri
    assert client.get("/oauth2/authorize").headers["Location"].startswith("/login")


def test_logout_may_lead_back_to_the_sign_in(client: Client) -> None:
    """Source: developer guide, "Logout endpoint", its second example."""
    client.post_login()
    response = client.get("/logout", logout_uri=None)
    assert response.headers["Location"].startswith("/oauth2/authorize?")
    assert client.get("/oauth2/authorize").headers["Location"].startswith("/login")


def test_logout_requires_a_registered_url(client: Client) -> None:
    client.post_login()
    response = client.get("/logout", logout_uri="https://evil.example", redirect_uri=None)
    assert response.headers["Location"].startswith("/error")
    assert "code" in callback_query(client.get("/oauth2/authorize"))


def test_groups_and_users_can_be_added(cognito: LocalCognito) -> None:
    """In Python, as tests of other projects do."""
    cognito.add_group("Reader", "arn:aws:iam::123456789012:role/Reader", 5)
    ada = cognito.add_user("ada", "lovelace-1843", ["Reader"])
    assert dataclasses.asdict(ada)["email"] == "ada@example.org"
