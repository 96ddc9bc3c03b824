"""One attempt to sign in: what ends it, and that it ends once."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from cognito_jupyter.errors import (
    LoginCancelledError,
    LoginDeniedError,
    LoginError,
    LoginTimeoutError,
    PastedAnswerError,
    RefusedError,
)
from cognito_jupyter.oauth.addresses import redirect_uris
from cognito_jupyter.oauth.login import Login, LoginState
from cognito_jupyter.oauth.pkce import LoginSecrets
from cognito_jupyter.oauth.tokens import CognitoTokens


class Pool:
    """Stands for the token endpoint, one floor below what is tested; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.secrets: LoginSecrets | None = None

    def url(self, secrets: LoginSecrets, redirect_uri: str) -> str:
        self.secrets = secrets
        return f"https://auth.example/oauth2/authorize?state={secrets.state}&redirect_uri={redirect_uri}"

    def exchange(self, code: str, secrets: LoginSecrets, redirect_uri: str) -> CognitoTokens:
        if code == "refused":
            raise RefusedError("Refused.")
        self.asked.append((code, redirect_uri))
        return {"id_token": "i", "access_token": "a", "refresh_token": "r"}

    @property
    def state(self) -> str:
        assert self.secrets is not None
        return self.secrets.state


@pytest.fixture
def pool() -> Pool:
    return Pool()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def begin(pool: Pool, uris: str | None = None, *, timeout: float = 30.0, listen: bool = True) -> Login:
    setting = uris or f"http://localhost:{free_port()}"
    return Login(
        redirect_uris(setting), authorization_url=pool.url, exchange=pool.exchange, timeout=timeout, listen=listen
    )


def redirected(login: Login, query: str) -> int:
    """What the browser does at the end of a sign-in."""
    with closing(http.client.HTTPConnection(login.redirect_uri.removeprefix("http://"), timeout=10)) as browser:
        browser.request("GET", f"/?{query}")
        return browser.getresponse().status


def test_the_listener_completes_a_login(pool: Pool) -> None:
    """The redirect ends the wait, and the code buys tokens at the same redirect URI, once."""
    with begin(pool) as login:
        assert (login.state, login.listening, login.wait(0)) == (LoginState.PENDING, True, False)
        assert redirected(login, f"code=c&state={pool.state}") == 200
        assert login.wait(5)
        assert login.state is LoginState.COMPLETED
        assert login.tokens() is login.tokens()
    assert pool.asked == [("c", login.redirect_uri)]


def test_a_pasted_address_completes_a_login_and_the_listener_is_late(pool: Pool) -> None:
    """Both ways race into the same door; the first wins and the other is told."""
    with begin(pool) as login:
        login.paste(f"{login.redirect_uri}/?code=pasted&state={pool.state}")
        assert redirected(login, f"code=late&state={pool.state}") == 410
        with pytest.raises(PastedAnswerError, match="already over"):
            login.paste(f"code=again&state={pool.state}")
        login.tokens()
    assert pool.asked == [("pasted", login.redirect_uri)]


def test_a_hundred_racing_answers_finish_it_once(pool: Pool) -> None:
    """Whatever the threads do, one answer is taken."""
    with begin(pool, listen=False) as login:
        taken: list[str] = []

        def race(code: str) -> None:
            try:
                login.paste(f"code={code}&state={pool.state}")
                taken.append(code)
            except PastedAnswerError:
                pass

        racers = [threading.Thread(target=race, args=(f"c{i}",)) for i in range(100)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        login.tokens()
    assert [code for code, _ in pool.asked] == taken


@pytest.mark.parametrize(
    ("paste", "sentence"),
    [("code=c&state=another-logins", "another sign-in"), ("nonsense", "neither a code"), ("", "Nothing was pasted")],
)
def test_a_wrong_paste_does_not_end_the_login(pool: Pool, paste: str, sentence: str) -> None:
    """The person is told, and the login goes on."""
    with begin(pool) as login:
        with pytest.raises(PastedAnswerError, match=sentence):
            login.paste(paste)
        assert not login.finished.is_set()
        login.paste(f"code=c&state={pool.state}")
        assert login.state is LoginState.COMPLETED


def test_a_forged_answer_does_not_end_the_login(pool: Pool) -> None:
    """Neither a code nor an error without this login's state."""
    with begin(pool) as login:
        assert redirected(login, "code=forged&state=guess") == 404
        assert redirected(login, "error=access_denied&state=guess") == 404
        assert redirected(login, "error=access_denied") == 404
        assert login.state is LoginState.PENDING


@pytest.mark.parametrize(
    ("query", "said", "remedy"),
    [
        ("error=access_denied", "access_denied", "administrator"),
        ("error=invalid_request&error_description=invalid_scope", "invalid_scope", "Set scopes"),
        ("error=unauthorized_client", "unauthorized_client", "authorization code grant"),
        ("error=server_error&error_description=a%0Ab", "server_error: a b", "Sign in again"),
    ],
)
def test_cognitos_error_ends_it_with_its_words(pool: Pool, query: str, said: str, remedy: str) -> None:
    """A genuine error answer is the end, and says what to do."""
    with begin(pool) as login:
        assert redirected(login, f"{query}&state={pool.state}") == 400
        assert login.state is LoginState.DENIED
        with pytest.raises(LoginDeniedError, match=said) as raised:
            login.tokens()
    assert remedy in raised.value.remedy
    assert isinstance(raised.value, ConnectionError)


def test_nobody_comes(pool: Pool) -> None:
    """The deadline ends it; the message names the redirect URI to check, which a browser error hides."""
    with begin(pool, timeout=0.05) as login:
        assert login.wait(5)
        assert login.state is LoginState.TIMED_OUT
        assert login.finished.is_set()
        with pytest.raises(LoginTimeoutError, match=login.redirect_uri):
            login.tokens()
        assert redirected(login, f"code=late&state={pool.state}") == 410


def test_cancelled(pool: Pool) -> None:
    """Giving up wakes who waits, at once."""
    with begin(pool) as login:
        threading.Timer(0.05, login.cancel).start()
        started = time.monotonic()
        assert login.finished.wait(20)
        assert time.monotonic() - started < 20
        with pytest.raises(LoginCancelledError):
            login.tokens()


def test_a_pending_login_has_no_tokens(pool: Pool) -> None:
    """Asking too early is an error, and changes nothing."""
    with begin(pool) as login:
        with pytest.raises(LoginError, match="not finished"):
            login.tokens()
        assert login.state is LoginState.PENDING


def test_a_code_is_spent_once_even_when_it_is_refused(pool: Pool) -> None:
    """A second try would show Cognito a used code."""
    with begin(pool, listen=False) as login:
        login.paste(f"code=refused&state={pool.state}")
        with pytest.raises(RefusedError):
            login.tokens()
        with pytest.raises(LoginError, match="used before"):
            login.tokens()


def test_the_first_free_registered_port_serves(pool: Pool) -> None:
    """A busy port is passed over, and the whole login uses the next one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy, free = other.getsockname()[1], free_port()
        with begin(pool, f"http://localhost:{busy} http://localhost:{free}") as login:
            assert login.redirect_uri == f"http://localhost:{free}"
            assert f"redirect_uri={login.redirect_uri}" in login.authorization_url
            assert login.listening


@pytest.mark.parametrize("uris", [lambda busy: f"http://localhost:{busy}", lambda _: "https://hub.example/callback"])
def test_without_a_listener_paste_alone_is_left(pool: Pool, uris: Callable[[int], str]) -> None:
    """All ports busy, or a redirect URI elsewhere: the login goes on by paste and says why."""
    with socket.create_server(("127.0.0.1", 0)) as other, begin(pool, uris(other.getsockname()[1])) as login:
        assert not login.listening
        assert login.listener_problem is not None
        login.paste(f"code=c&state={pool.state}")
        assert login.state is LoginState.COMPLETED


def test_nothing_is_left_behind(pool: Pool) -> None:
    """Leaving a login ends its threads and frees its port, however it ended."""
    before = set(threading.enumerate())
    port = free_port()
    for end in ("complete", "cancel", "leave", "interrupt"):
        try:
            with begin(pool, f"http://localhost:{port}") as login:
                if end == "complete":
                    redirected(login, f"code=c&state={pool.state}")
                elif end == "cancel":
                    login.cancel()
                elif end == "interrupt":
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert login.state is not LoginState.PENDING
        assert set(threading.enumerate()) == before


def test_a_login_does_not_show_its_secrets(pool: Pool) -> None:
    """No repr holds state, verifier or code."""
    with begin(pool, listen=False) as login:
        login.paste(f"code=visible-code&state={pool.state}")
        assert pool.secrets is not None
        for secret in (pool.state, pool.secrets.code_verifier, pool.secrets.nonce, "visible-code"):
            assert secret not in repr(login)
