"""A client of the local Cognito that uses only HTTP, so that these tests test the server."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from cognito_jupyter.local import LocalCognito

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


class Client:
    """One app client's HTTP, and one browser's cookies."""

    def __init__(self, cognito: LocalCognito, client_id: str | None = None) -> None:
        self.cognito = cognito
        self.client_id = client_id or cognito.client_id
        self.redirect_uri = cognito.redirect_uri.split()[0]
        self.browser = requests.Session()
        self.browser.trust_env = False

    def authorize_query(self, **changes: str | None) -> dict[str, str]:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid email",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in query.items() if value is not None}

    def get(self, path: str, **changes: str | None) -> requests.Response:
        """GET with an authorize request's query; no redirect is followed."""
        url = f"{self.cognito.domain}{path}?{urlencode(self.authorize_query(**changes))}"
        return self.browser.get(url, allow_redirects=False, timeout=10)

    def post_login(self, username: str | None = None, password: str | None = None, **changes: str) -> requests.Response:
        """Fills in the form, hidden field included."""
        page = self.get("/login")
        user = self.cognito.demo_user
        form = {
            "_csrf": csrf_field(page.text),
            "username": username or user.username,
            "password": password or user.password,
        }
        url = f"{self.cognito.domain}/login?{urlencode(self.authorize_query())}"
        return self.browser.post(url, data=form | changes, allow_redirects=False, timeout=10)

    def code(self, **changes: str | None) -> str:
        """A code, by a login, or by the login cookie."""
        response = self.get("/oauth2/authorize", **changes)
        if "/login" in response.headers["Location"]:
            page = self.browser.get(f"{self.cognito.domain}{response.headers['Location']}", timeout=10)
            user = self.cognito.demo_user
            form = {"_csrf": csrf_field(page.text), "username": user.username, "password": user.password}
            response = self.browser.post(page.url, data=form, allow_redirects=False, timeout=10)
        return callback_query(response)["code"]

    def token(self, **form: str) -> requests.Response:
        """POST /oauth2/token with this client's id."""
        form = {"client_id": self.client_id, **form}
        return requests.post(f"{self.cognito.domain}/oauth2/token", data=form, timeout=10)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return self.token(**{**form, "code_verifier": VERIFIER, **changes})

    def refresh(self, refresh_token: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def log_in(self) -> dict[str, Any]:
        """The tokens of a login."""
        tokens: dict[str, Any] = self.exchange(self.code()).json()
        return tokens


def csrf_field(page: str) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def callback_query(response: requests.Response) -> dict[str, str]:
    """The query with which the browser is sent back."""
    assert response.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}


@pytest.fixture(scope="module")
def bare() -> Iterator[LocalCognito]:
    """A Cognito without AWS for one module, whose knobs may stay changed."""
    with LocalCognito(aws=False) as cognito:
        yield cognito


@pytest.fixture
def client(cognito: LocalCognito) -> Client:
    return Client(cognito)


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalCognito:
    return cognito


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's clock stands still, except for the knob `clock_offset`."""
    now = time.time()
    monkeypatch.setattr("cognito_jupyter.local.model.time", SimpleNamespace(time=lambda: now))
