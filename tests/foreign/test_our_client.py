"""Our client signs in at an OpenID provider that others wrote: oidc-provider from npm, strict and with rotation.

It has no grace period: a refresh token that is used a second time ends the whole sign-in.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import LoginError, SignedOutError
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import decode_jwt_payload
from tests.support.ports import free_port

pytestmark = [pytest.mark.long]

CLIENT_ID = "foreign"
POOL_ID = "us-east-1_Foreign01"


@pytest.fixture(scope="module")
def redirect_uri() -> str:
    """The redirect URI that is registered with the provider."""
    return f"http://localhost:{free_port()}/callback"


@contextmanager
def run_provider(node_folder: Path, redirect_uri: str, *, host: str = "cognito-idp", secret: str = "") -> Iterator[str]:
    """Runs oidc-provider, set like a user pool, and yields its URL.

    Args:
        node_folder: The folder with the script and its packages.
        redirect_uri: The registered redirect URI.
        host: The first label of the issuer's host.
        secret: The client's secret; it sends it as Basic. Empty for a public client.
    """
    environment = {
        "FOREIGN_ISSUER": f"https://{host}.us-east-1.amazonaws.com/{POOL_ID}",
        "FOREIGN_CLIENT_ID": CLIENT_ID,
        "FOREIGN_CLIENT_SECRET": secret,
        "FOREIGN_REDIRECT_URI": redirect_uri,
    }
    with subprocess.Popen(
        ["node", node_folder / "oidc_provider.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | environment,
        encoding="utf-8",
    ) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())["url"]
        # The provider ends when its standard input does, which `with` closes.


@pytest.fixture(scope="module")
def provider(node_folder: Path, redirect_uri: str) -> Iterator[str]:
    """A provider with a public client."""
    with run_provider(node_folder, redirect_uri) as url:
        yield url


@pytest.fixture
def authenticator(provider: str, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> CognitoOAuthAuthenticator:
    """Our client, for this provider."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", provider)
    return CognitoOAuthAuthenticator(provider, CLIENT_ID, redirect_uri, user_pool_id=POOL_ID, open_browser=False)


def browse(url: str) -> requests.Response:
    """Opens a URL as a browser does, with cookies and redirects, as far as the callback."""
    with requests.Session() as browser:
        browser.trust_env = False
        return browser.get(url, timeout=10)


def sign_in(authenticator: CognitoOAuthAuthenticator) -> CognitoCredentialsManager:
    """Returns a manager with the tokens of a login."""
    with authenticator.begin_login() as login:
        browser = threading.Thread(target=browse, args=(login.authorization_url,))
        browser.start()
        assert login.wait(20.0)
        browser.join()
        tokens = login.tokens()
    return CognitoCredentialsManager("us-east-1:pool", POOL_ID, "us-east-1", tokens, authenticator)


def test_a_login_brings_verified_tokens(authenticator: CognitoOAuthAuthenticator) -> None:
    """Signature, issuer, audience and nonce are those of a provider that knows nothing of our client."""
    manager = sign_in(authenticator)
    assert manager.auth_tokens is not None
    claims = decode_jwt_payload(manager.auth_tokens["id_token"])
    assert claims["cognito:username"] == "demo"


def test_a_redirect_uri_that_is_not_registered_shows_an_error_at_the_provider(
    authenticator: CognitoOAuthAuthenticator, redirect_uri: str
) -> None:
    """The callback is never reached, so the login goes on until it is cancelled."""
    with authenticator.begin_login(timeout=0.5) as login:
        page = browse(login.authorization_url.replace("callback", "elsewhere"))
        assert page.status_code == 400
        assert not page.url.startswith(redirect_uri)
        while not login.wait(1.0):
            pass
        with pytest.raises(LoginError):
            login.tokens()


def test_many_threads_refresh_and_no_refresh_token_is_used_twice(authenticator: CognitoOAuthAuthenticator) -> None:
    """The second use of one would end the sign-in, and the last refresh would fail."""
    manager = sign_in(authenticator)
    assert manager.auth_tokens is not None
    used = {manager.auth_tokens["refresh_token"]}
    with ThreadPoolExecutor(8) as threads:
        for _ in range(4):
            for tokens in list(threads.map(lambda _: manager.refresh_user_pool_tokens(), range(8))):
                used.add(tokens["refresh_token"])
    assert len(used) > 4
    before = manager.auth_tokens["refresh_token"]
    assert manager.refresh_user_pool_tokens()["refresh_token"] != before


def test_a_revoked_sign_in_has_ended(authenticator: CognitoOAuthAuthenticator) -> None:
    """RFC 7009: the provider answers 200 without a body."""
    manager = sign_in(authenticator)
    assert manager.auth_tokens is not None
    authenticator.revoke(manager.auth_tokens["refresh_token"])
    with pytest.raises(SignedOutError):
        manager.refresh_user_pool_tokens()


def test_a_login_sends_the_client_secret_as_basic(
    node_folder: Path, redirect_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the exchange, a refresh and the revocation. It has the letters and digits of Cognito's secrets only."""
    secret = "1a2b3c4d5e6f7g8h9i" * 3
    with run_provider(node_folder, redirect_uri, secret=secret) as provider:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", provider)
        authenticator = CognitoOAuthAuthenticator(
            provider, CLIENT_ID, redirect_uri, user_pool_id=POOL_ID, open_browser=False, client_secret=secret
        )
        manager = sign_in(authenticator)
        refresh_token = manager.refresh_user_pool_tokens()["refresh_token"]
        authenticator.revoke(refresh_token)
        with pytest.raises(SignedOutError):
            manager.refresh_user_pool_tokens()


@pytest.mark.parametrize("pool_id", [POOL_ID, None])
def test_a_login_accepts_the_updated_issuer(
    node_folder: Path, redirect_uri: str, monkeypatch: pytest.MonkeyPatch, pool_id: str | None
) -> None:
    """With the pool pinned, and with any pool of the Region."""
    with run_provider(node_folder, redirect_uri, host="issuer-cognito-idp") as provider:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", provider)
        manager = sign_in(CognitoOAuthAuthenticator(provider, CLIENT_ID, redirect_uri, user_pool_id=pool_id))
        assert manager.auth_tokens is not None
        issuer = decode_jwt_payload(manager.auth_tokens["id_token"])["iss"]
        assert issuer.startswith("https://issuer-cognito-idp.")
        manager.refresh_user_pool_tokens()


def test_a_login_asks_who_signs_in(provider: str, redirect_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """prompt and login_hint are parameters of OpenID Connect, which a strict provider accepts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", provider)
    authenticator = CognitoOAuthAuthenticator(
        provider, CLIENT_ID, redirect_uri, user_pool_id=POOL_ID, open_browser=False, login_hint="demo@example.org"
    )
    with authenticator.begin_login(prompt="login") as login:
        assert "prompt=login" in login.authorization_url
        browser = threading.Thread(target=browse, args=(login.authorization_url,))
        browser.start()
        assert login.wait(20.0)
        browser.join()
        assert login.tokens()["id_token"]
