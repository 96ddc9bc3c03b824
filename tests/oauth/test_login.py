"""What ends a login, and that it ends once."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace

import pytest

from cognito_jupyter.errors import (
    LoginCancelledError,
    LoginDeniedError,
    LoginError,
    LoginTimeoutError,
    PastedUrlError,
    RefusedError,
)
from cognito_jupyter.oauth.login import Login, LoginState
from cognito_jupyter.oauth.pkce import LoginSecrets
from cognito_jupyter.oauth.redirect_uri import parse_redirect_uris
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.support.polling import TEST_TIMEOUT
from tests.support.ports import free_port


class FakeTokenEndpoint:
    """Acts as the authenticator below the login; records the exchanges."""

    def __init__(self) -> None:
        self.exchanges: list[tuple[str, str]] = []
        self.secrets: LoginSecrets | None = None

    def build_authorization_url(self, secrets: LoginSecrets, redirect_uri: str) -> str:
        self.secrets = secrets
        return f"https://auth.example/oauth2/authorize?state={secrets.state}&redirect_uri={redirect_uri}"

    def exchange_code(self, code: str, secrets: LoginSecrets, redirect_uri: str) -> CognitoTokens:
        if code == "refused":
            raise RefusedError("Refused.")
        self.exchanges.append((code, redirect_uri))
        return {"id_token": "i", "access_token": "a", "refresh_token": "r"}

    @property
    def state(self) -> str:
        assert self.secrets is not None
        return self.secrets.state


@pytest.fixture
def token_endpoint() -> FakeTokenEndpoint:
    return FakeTokenEndpoint()


def begin_login(
    token_endpoint: FakeTokenEndpoint, uris: str | None = None, *, timeout: float = 30.0, listen: bool = True
) -> Login:
    setting = uris or f"http://localhost:{free_port()}"
    return Login(
        parse_redirect_uris(setting),
        build_authorization_url=token_endpoint.build_authorization_url,
        exchange_code=token_endpoint.exchange_code,
        timeout=timeout,
        listen=listen,
    )


def follow_redirect(login: Login, query: str) -> int:
    """Requests the redirect URI as the browser does at the end of a sign-in; returns the status."""
    with closing(http.client.HTTPConnection(login.redirect_uri.removeprefix("http://"), timeout=10)) as browser:
        browser.request("GET", f"/?{query}")
        return browser.getresponse().status


def test_the_callback_completes_a_login(token_endpoint: FakeTokenEndpoint) -> None:
    """The redirect ends the wait, and the code is exchanged once, with the same redirect URI."""
    with begin_login(token_endpoint) as login:
        assert (login.state, login.listening, login.wait(0)) == (LoginState.PENDING, True, False)
        assert follow_redirect(login, f"code=c&state={token_endpoint.state}") == 200
        assert login.wait(5)
        assert login.state is LoginState.COMPLETED
        assert login.tokens() is login.tokens()
    assert token_endpoint.exchanges == [("c", login.redirect_uri)]


def test_a_pasted_url_completes_a_login_and_a_later_callback_is_rejected(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint) as login:
        login.handle_pasted_url(f"{login.redirect_uri}/?code=pasted&state={token_endpoint.state}")
        assert follow_redirect(login, f"code=late&state={token_endpoint.state}") == 410
        with pytest.raises(PastedUrlError, match="already ended"):
            login.handle_pasted_url(f"code=again&state={token_endpoint.state}")
        login.tokens()
    assert token_endpoint.exchanges == [("pasted", login.redirect_uri)]


def test_of_a_hundred_racing_responses_one_is_accepted(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint, listen=False) as login:
        accepted: list[str] = []

        def race(code: str) -> None:
            try:
                login.handle_pasted_url(f"code={code}&state={token_endpoint.state}")
                accepted.append(code)
            except PastedUrlError:
                pass

        racers = [threading.Thread(target=race, args=(f"c{i}",)) for i in range(100)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        login.tokens()
    assert [code for code, _ in token_endpoint.exchanges] == accepted


@pytest.mark.parametrize(
    ("paste", "sentence"),
    [("code=c&state=another-logins", "another sign-in"), ("nonsense", "neither a code"), ("", "Nothing was pasted")],
)
def test_a_wrong_paste_leaves_the_login_pending(token_endpoint: FakeTokenEndpoint, paste: str, sentence: str) -> None:
    with begin_login(token_endpoint) as login:
        with pytest.raises(PastedUrlError, match=sentence):
            login.handle_pasted_url(paste)
        assert not login.finished.is_set()
        login.handle_pasted_url(f"code=c&state={token_endpoint.state}")
        assert login.state is LoginState.COMPLETED


def test_a_response_without_this_logins_state_leaves_it_pending(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint) as login:
        assert follow_redirect(login, "code=forged&state=guess") == 404
        assert follow_redirect(login, "error=access_denied&state=guess") == 404
        assert follow_redirect(login, "error=access_denied") == 400
        assert login.state is LoginState.PENDING


@pytest.mark.parametrize(
    ("query", "reason", "remedy"),
    [
        ("error=access_denied", "access_denied", "administrator"),
        ("error=invalid_request&error_description=invalid_scope", "invalid_scope", "Set scopes"),
        ("error=unauthorized_client", "unauthorized_client", "authorization code grant"),
        ("error=server_error&error_description=a%0Ab", "server_error: a b", "Sign in again"),
    ],
)
def test_an_error_response_ends_the_login_with_cognitos_reason(
    token_endpoint: FakeTokenEndpoint, query: str, reason: str, remedy: str
) -> None:
    with begin_login(token_endpoint) as login:
        assert follow_redirect(login, f"{query}&state={token_endpoint.state}") == 400
        assert login.state is LoginState.DENIED
        with pytest.raises(LoginDeniedError, match=reason) as raised:
            login.tokens()
    assert remedy in raised.value.remedy
    assert isinstance(raised.value, ConnectionError)


def test_the_deadline_ends_a_login(token_endpoint: FakeTokenEndpoint) -> None:
    """The message names the redirect URI to check, which the browser's error page does not show."""
    with begin_login(token_endpoint, timeout=0.05) as login:
        assert login.wait(5)
        assert login.state is LoginState.TIMED_OUT
        assert login.finished.is_set()
        with pytest.raises(LoginTimeoutError, match=login.redirect_uri):
            login.tokens()
        assert follow_redirect(login, f"code=late&state={token_endpoint.state}") == 410


def test_a_login_that_times_out_names_the_error_that_came_without_a_state(
    token_endpoint: FakeTokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cognito has no state to give back for a SAML response that it could not read. A later login does not name it."""
    port = free_port()
    with begin_login(token_endpoint, f"http://localhost:{port}", timeout=600) as login:
        query = "error=server_error&error_description=Invalid+samlResponse%0A%1b%5b31mor+relayState"
        assert follow_redirect(login, query) == 400
        assert follow_redirect(login, "error=access_denied&state=another-logins") == 404
        assert follow_redirect(login, "code=c") == 404
        assert login.poll() is LoginState.PENDING
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 600)
        monkeypatch.setattr("cognito_jupyter.oauth.login.time", later)
        assert login.wait(5)
        reason = r"error \(server_error: Invalid samlResponse or relayState\)\. Sign in again.*administrator"
        with pytest.raises(LoginTimeoutError, match=reason):
            login.tokens()
    with begin_login(token_endpoint, f"http://localhost:{port}", timeout=0) as login:
        with pytest.raises(LoginTimeoutError) as raised:
            login.tokens()
        assert "server_error" not in str(raised.value)


def test_a_login_completes_after_an_error_without_a_state(token_endpoint: FakeTokenEndpoint) -> None:
    """The user tries again, in the same tab."""
    with begin_login(token_endpoint) as login:
        assert follow_redirect(login, "error=server_error") == 400
        with pytest.raises(PastedUrlError, match=r"an error in place of a code \(server_error\)"):
            login.handle_pasted_url(f"{login.redirect_uri}/?error=server_error")
        assert follow_redirect(login, f"code=c&state={token_endpoint.state}") == 200
        assert login.tokens()


def test_a_pasted_redirect_mismatch_names_the_redirect_uri_to_register(token_endpoint: FakeTokenEndpoint) -> None:
    """Cognito shows it on a page of its own, and never sends the browser back."""
    page = "https://x.auth.us-east-1.amazoncognito.com/error?error=redirect_mismatch&client_id=abc"
    with begin_login(token_endpoint, timeout=30) as login:
        for pasted in (page, f"{page}&state={token_endpoint.state}x"):
            with pytest.raises(PastedUrlError) as raised:
                login.handle_pasted_url(pasted)
        with pytest.raises(PastedUrlError, match="does not know this redirect URI") as raised:
            login.handle_pasted_url(page)
        assert raised.value.remedy.endswith(login.redirect_uri)
        assert login.state is LoginState.PENDING


def test_cancel_wakes_waiting_threads_at_once(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint) as login:
        threading.Timer(0.05, login.cancel).start()
        started = time.monotonic()
        assert login.finished.wait(20)
        assert time.monotonic() - started < 20
        with pytest.raises(LoginCancelledError):
            login.tokens()


def test_a_wait_ends_with_the_response_and_not_at_the_next_look_at_the_clock(
    token_endpoint: FakeTokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cognito_jupyter.oauth.login._POLL_INTERVAL", 600.0)
    with begin_login(token_endpoint, timeout=600.0) as login:
        waiting = [threading.Thread(target=login.wait, args=(600.0,), daemon=True) for _ in range(3)]
        for thread in waiting:
            thread.start()
        assert follow_redirect(login, f"code=c&state={token_endpoint.state}") == 200
        for thread in waiting:
            thread.join(30)
            assert not thread.is_alive()


def test_a_pending_login_has_no_tokens(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint) as login:
        with pytest.raises(LoginError, match="not finished"):
            login.tokens()
        assert login.state is LoginState.PENDING


def test_a_code_is_exchanged_once_even_when_it_is_refused(token_endpoint: FakeTokenEndpoint) -> None:
    """Cognito would refuse the used code."""
    with begin_login(token_endpoint, listen=False) as login:
        login.handle_pasted_url(f"code=refused&state={token_endpoint.state}")
        with pytest.raises(RefusedError):
            login.tokens()
        with pytest.raises(LoginError, match="used before"):
            login.tokens()


def test_the_first_free_registered_port_serves_the_login(token_endpoint: FakeTokenEndpoint) -> None:
    """A port in use is skipped, and the whole login uses the next redirect URI."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy, free = other.getsockname()[1], free_port()
        with begin_login(token_endpoint, f"http://localhost:{busy} http://localhost:{free}") as login:
            assert login.redirect_uri == f"http://localhost:{free}"
            assert f"redirect_uri={login.redirect_uri}" in login.authorization_url
            assert login.listening
            assert login.listener_error is None


@pytest.mark.parametrize("uris", [lambda busy: f"http://localhost:{busy}", lambda _: "https://hub.example/callback"])
def test_without_a_listener_a_login_completes_by_paste(
    token_endpoint: FakeTokenEndpoint, uris: Callable[[int], str]
) -> None:
    """Every port is in use, or the redirect URI leads to another machine; `listener_error` says why."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        begin_login(token_endpoint, uris(other.getsockname()[1])) as login,
    ):
        assert not login.listening
        assert login.listener_error is not None
        login.handle_pasted_url(f"code=c&state={token_endpoint.state}")
        assert login.state is LoginState.COMPLETED


def test_all_registered_ports_are_named_if_none_is_free(token_endpoint: FakeTokenEndpoint) -> None:
    """A message that named the first one alone would let the user believe that the others are of no use."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = [each.getsockname()[1] for each in (first, second)]
        uris = " ".join(f"http://localhost:{port}" for port in ports)
        with begin_login(token_endpoint, uris) as login:
            assert login.listener_error is not None
            assert f"({ports[0]}, {ports[1]})" in login.listener_error.what
            assert "redirect_uri" in login.listener_error.remedy


def test_closing_ends_every_thread_and_frees_the_port(
    token_endpoint: FakeTokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as the machine needs: otherwise a thread that stands still for a second is left to itself.
    monkeypatch.setattr("cognito_jupyter.oauth.callback.connections._CLOSE_TIMEOUT", TEST_TIMEOUT)
    before = set(threading.enumerate())
    port = free_port()
    for how in ("complete", "cancel", "leave", "interrupt"):
        try:
            with begin_login(token_endpoint, f"http://localhost:{port}") as login:
                if how == "complete":
                    follow_redirect(login, f"code=c&state={token_endpoint.state}")
                elif how == "cancel":
                    login.cancel()
                elif how == "interrupt":
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert login.state is not LoginState.PENDING
        assert set(threading.enumerate()) <= before


def test_the_repr_of_a_login_shows_no_secret(token_endpoint: FakeTokenEndpoint) -> None:
    with begin_login(token_endpoint, listen=False) as login:
        login.handle_pasted_url(f"code=visible-code&state={token_endpoint.state}")
        assert token_endpoint.secrets is not None
        for secret in (
            token_endpoint.state,
            token_endpoint.secrets.code_verifier,
            token_endpoint.secrets.nonce,
            "visible-code",
        ):
            assert secret not in repr(login)
