"""Authorization responses that are not this login's: at the listener, and pasted."""

from __future__ import annotations

import itertools
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from cognito_jupyter.errors import PastedUrlError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.authorization_response import AuthorizationResponse
from cognito_jupyter.oauth.callback.server import OAuthCallbackServer
from tests.oauth.test_callback_server import CODE, STATE, FakeLogin, fake_login, send_raw, server

from .attempts import Attempts

__all__ = ["fake_login", "server"]  # fixtures
METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "get", "CONNECT")
PATHS = (
    "/callback",
    "/",
    "//callback",
    "/callback/",
    "/CALLBACK",
    "/x/../callback",
    "/callback;x",
    "http://evil/callback",
)
HOSTS = ("localhost", "evil.example", "127.0.0.1.evil.example", "localhost:1\r\nHost: evil.example", "")
QUERIES = (
    *("", f"code={CODE}", f"state={STATE}", f"code={CODE}&state=", f"code={CODE}&state={STATE[:-1]}"),
    *(f"code={CODE}&state={STATE}x", f"code={CODE}&state={STATE.upper()}", f"code={CODE}&state={STATE}&state={STATE}"),
    *(f"code={CODE}&code=x&state={STATE}", f"code={CODE}&state={STATE}%00", f"error=access_denied&state={STATE}x"),
    *(
        "error=access_denied",
        f"code={CODE}&state=../{STATE}",
        f"code={CODE}&State={STATE}",
        f"code={CODE}%26state={STATE}",
    ),
)


@pytest.mark.parametrize("method", METHODS)
def test_no_forged_response_ends_the_login(
    attempts: Attempts, server: OAuthCallbackServer, fake_login: FakeLogin, method: str
) -> None:
    for path, host, query in itertools.product(PATHS, HOSTS, QUERIES):
        head = f"{method} {path}?{query} HTTP/1.1\r\n" + (f"Host: {host}\r\n" if host else "")
        send_raw(server, f"{head}Connection: close\r\n\r\n".encode())
        attempts.check((method, path, host, query), not fake_login.accepted)
        fake_login.accepted.clear()
    assert send_raw(server, f"GET /callback?code={CODE}&state={STATE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert fake_login.accepted == [AuthorizationResponse(CODE, None, None, STATE)]


def test_no_changed_url_is_accepted_and_the_true_one_still_is(
    attempts: Attempts, cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    user = cognito.demo_user
    with authenticator.begin_login(listen=False) as login:
        url = submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        assert url is not None
        (state,) = parse_qs(urlsplit(url).query)["state"]
        begin = url.index(state)
        for position, character in itertools.product(range(begin, begin + len(state)), "aZ0-_~ %\n"):
            changed = url[:position] + character + url[position + 1 :]
            if changed != url:
                attempts.refused(changed, partial(login.handle_pasted_url, changed), PastedUrlError)
        for length in range(len(url)):
            if url[:length].strip() and state not in url[:length]:
                attempts.refused(length, partial(login.handle_pasted_url, url[:length]), PastedUrlError)
        login.handle_pasted_url(url)
        assert login.tokens()["id_token"]
