"""What /oauth2/token responds. Each test names where the fact about the real service is from."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import AppClient
from tests.local.conftest import Client

FORM = "application/x-www-form-urlencoded"


def post(cognito: LocalCognito, body: str, content_type: str, **headers: str) -> requests.Response:
    url = f"{cognito.domain}/oauth2/token"
    return requests.post(url, data=body, headers={"Content-Type": content_type, **headers}, timeout=10)


def error_of(response: requests.Response) -> tuple[int, dict[str, str]]:
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    return response.status_code, response.json()


@pytest.fixture(scope="module")
def confidential() -> Iterator[Client]:
    """A client of a pool whose app client has a secret."""
    with LocalCognito(aws=False, client_secret=True) as cognito:
        yield Client(cognito)


# -- successes


def test_tokens_come_as_json_with_a_lifetime_in_seconds(client: Client) -> None:
    """Developer guide, "Token endpoint"."""
    response = client.exchange(client.code())
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert (response.json()["expires_in"], response.json()["token_type"]) == (3600, "Bearer")


def test_a_script_in_a_browser_may_redeem_a_code(client: Client) -> None:
    """Developer guide, "Token endpoint"; the errors too, or a script could not tell them apart."""
    origin = {"Origin": "https://app.example"}
    code = client.code()
    body = f"grant_type=authorization_code&client_id={client.client_id}&code={code}"
    response = post(client.cognito, body, FORM, **origin)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert client.exchange(code).headers["Access-Control-Allow-Origin"] == "*"
    preflight = origin | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    response = requests.options(f"{client.cognito.domain}/oauth2/token", headers=preflight, timeout=10)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]


def test_a_script_may_read_the_pools_documents_but_not_its_pages(client: Client) -> None:
    """aws-amplify/amplify-js#6236: a CORS error at /oauth2/authorize. Single-page clients read the documents."""
    for document in ("openid-configuration", "jwks.json"):
        url = f"{client.cognito.domain}/{client.cognito.user_pool_id}/.well-known/{document}"
        assert requests.get(url, timeout=10).headers["Access-Control-Allow-Origin"] == "*"
    for path in ("/oauth2/authorize", "/login", "/logout", "/error"):
        assert "Access-Control-Allow-Origin" not in client.get(path).headers


# -- errors


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "authorization_code", "code": "unknown", "redirect_uri": "x"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "unknown"}, "invalid_client"),
        ({}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_an_error_is_http_400_with_its_code_alone(client: Client, form: dict[str, str], error: str) -> None:
    """Developer guide, "Token endpoint", negative responses."""
    assert error_of(client.token(**form)) == (400, {"error": error})


def test_a_code_is_good_once(client: Client) -> None:
    """Developer guide, "Token endpoint": invalid_grant for a code that has been consumed."""
    code = client.code()
    assert client.exchange(code).status_code == 200
    assert error_of(client.exchange(code)) == (400, {"error": "invalid_grant"})


def test_a_refresh_token_is_good_again_and_again_without_rotation(client: Client) -> None:
    """Developer guide, "Token endpoint"; aws-amplify/aws-sdk-ios#3070: the response holds no refresh token."""
    refresh_token = client.log_in()["refresh_token"]
    for _ in range(2):
        response = client.refresh(refresh_token)
        assert response.status_code == 200
        assert "refresh_token" not in response.json()


@pytest.mark.parametrize("coarse", [False, True], ids=["a fine clock", "within one tick of a coarse clock"])
def test_a_rotated_refresh_token_is_refused_without_a_grace_period(
    client: Client, monkeypatch: pytest.MonkeyPatch, coarse: bool
) -> None:
    """RefreshTokenReuseException in botocore's model of cognito-idp; RFC 6749, section 5.2: invalid_grant."""
    if coarse:
        now = client.cognito.knobs.now()
        monkeypatch.setattr(client.cognito.knobs, "now", lambda: now)
    client.cognito.knobs.rotation, client.cognito.knobs.grace = True, 0
    old = client.log_in()["refresh_token"]
    new = client.refresh(old).json()["refresh_token"]
    assert client.refresh(new).status_code == 200
    refused = client.refresh(old)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_wrong_verifier_is_an_invalid_request_and_spends_the_code(client: Client) -> None:
    """An AWS employee's answer on re:Post about PKCE: invalid_request, and invalid_grant at the next try."""
    code = client.code()
    assert error_of(client.exchange(code, code_verifier="x" * 43))[1]["error"] == "invalid_request"
    assert error_of(client.exchange(code))[1]["error"] == "invalid_grant"


def test_a_missing_verifier_gets_no_tokens(client: Client) -> None:
    """RFC 7636, section 4.6. Which error Cognito returns is not known."""
    assert client.exchange(client.code(), code_verifier="").status_code == 400


@pytest.mark.parametrize("attribute", ["email", "email_verified"])
def test_a_code_is_refused_when_the_client_may_not_read_an_attribute_of_its_scopes(
    client: Client, attribute: str
) -> None:
    """Developer guide, "Token endpoint", invalid_grant: the email scope without read access to email_verified."""
    client.cognito.knobs.unreadable_attributes = (attribute,)
    assert error_of(client.exchange(client.code(scope="openid email"))) == (400, {"error": "invalid_grant"})
    assert client.exchange(client.code(scope="openid")).status_code == 200


def test_another_redirect_uri_is_an_unauthorized_client(client: Client) -> None:
    """Stack Overflow, question 50264679; later with the description invalid_redirect."""
    status, body = error_of(client.exchange(client.code(), redirect_uri=f"{client.redirect_uri}/"))
    assert (status, body["error"]) == (400, "unauthorized_client")


# -- the request's form


def test_json_under_the_forms_content_type_is_an_invalid_request(confidential: Client) -> None:
    """amazon-archives/amazon-cognito-auth-js#52: with the client in the Authorization header."""
    cognito = confidential.cognito
    basic = base64.b64encode(f"{cognito.client_id}:{cognito.client_secret}".encode()).decode()
    body = json.dumps({"grant_type": "authorization_code", "code": "x", "client_id": cognito.client_id})
    assert error_of(post(cognito, body, FORM, Authorization=f"Basic {basic}")) == (400, {"error": "invalid_request"})
    assert error_of(post(cognito, body, FORM)) == (400, {"error": "invalid_request"})


def require_method_not_allowed(response: requests.Response) -> None:
    assert (response.status_code, response.headers["Content-Length"]) == (405, "0")
    assert "Content-Type" not in response.headers
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("XSRF-TOKEN=")
    assert "Path=/" in cookie
    assert "HttpOnly" in cookie


@pytest.mark.parametrize("content_type", ["'application/x-www-form-urlencoded'", "application/json"])
def test_another_content_type_is_a_method_that_is_not_allowed(client: Client, content_type: str) -> None:
    """amazon-archives/amazon-cognito-auth-js#52: HTTP 405 for a Content-Type in quotation marks."""
    body = f"grant_type=refresh_token&refresh_token=x&client_id={client.client_id}"
    require_method_not_allowed(post(client.cognito, body, content_type))


def test_a_character_set_is_part_of_a_good_content_type(client: Client) -> None:
    """As fetch() of browsers and of Node.js sends a URLSearchParams body (Fetch standard, "extract a body")."""
    body = f"grant_type=refresh_token&refresh_token=x&client_id={client.client_id}"
    response = post(client.cognito, body, f"{FORM};charset=UTF-8")
    assert error_of(response) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_not_allowed(client: Client, method: str) -> None:
    """amazon-archives/amazon-cognito-auth-js#52: HTTP 405, content-length 0, and the cookie of the login form."""
    require_method_not_allowed(requests.request(method, f"{client.cognito.domain}/oauth2/token", timeout=10))


# -- an app client with a secret


def test_the_secret_may_come_in_the_header_or_in_the_body(confidential: Client) -> None:
    """Developer guide, "Token endpoint"; discovery lists client_secret_basic and client_secret_post."""
    cognito = confidential.cognito
    secret = str(cognito.client_secret)
    form = {"grant_type": "authorization_code", "redirect_uri": confidential.redirect_uri}
    form |= {"code": confidential.code(), "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}
    url, basic = f"{cognito.domain}/oauth2/token", (cognito.client_id, secret)
    tokens = requests.post(url, form, auth=basic, timeout=10).json()
    in_body = confidential.token(
        grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_secret=secret
    )
    assert in_body.status_code == 200
    # A client that sends its id in the body as well is the same client.
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": cognito.client_id}
    assert requests.post(url, form, auth=basic, timeout=10).status_code == 200


@pytest.mark.parametrize("secret", [None, "wrong", ""])
def test_a_missing_or_wrong_secret_is_an_invalid_client(confidential: Client, secret: str | None) -> None:
    """Developer guide, "Token endpoint": client authentication failed."""
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": confidential.client_id}
    url = f"{confidential.cognito.domain}/oauth2/token"
    auth = None if secret is None else (confidential.client_id, secret)
    status, body = error_of(requests.post(url, form, auth=auth, timeout=10))
    assert (status, body["error"]) == (400, "invalid_client")


def test_a_client_without_the_code_grant_is_unauthorized(client: Client) -> None:
    """Developer guide, "Token endpoint": the client is not allowed for the code grant flow."""
    client.cognito.add_client(AppClient("implicit-only", (client.redirect_uri,), code_grant=False))
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": client.redirect_uri}
    status, body = error_of(client.token(**form, client_id="implicit-only"))
    assert (status, body["error"]) == (400, "unauthorized_client")
