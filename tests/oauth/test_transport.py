"""HTTP under everything that servers, proxies and networks do to it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.errors import RefusedError, SignedOutError, UnavailableError
from tests.oauth.canned import CannedServer, Script, http, ok

CODE, VERIFIER, REFRESH = "c0de-of-this-login", "verifier-of-this-login", "refresh-token-of-this-login"
TOKENS = {"id_token": "aaa.bbb.ccc", "access_token": "ddd.eee.fff", "refresh_token": "ggg", "expires_in": 3600}


def hang_up(connection: socket.socket) -> None:
    """Closes without a word."""


def reset(connection: socket.socket) -> None:
    """Closes as a crash does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def authenticator(server: CannedServer, now: Callable[[], float] = time.time) -> CognitoOAuthAuthenticator:
    return CognitoOAuthAuthenticator(server.origin, "the-client", "http://localhost:3000", now=now)


def echo(secret: str) -> bytes:
    """A server that repeats in its error what it was sent."""
    return http("400 Bad Request", f'{{"error": "{secret}", "error_description": "{secret}"}}')


BROKEN: dict[str, tuple[Script, str]] = {
    "html": (http("200 OK", "<html>Wi-Fi sign-in</html>", "text/html"), "web page instead of JSON"),
    "html called json": (http("200 OK", "<!doctype html>"), "web page instead of JSON"),
    "forbidden html": (
        http("403 Forbidden", "<html>blocked</html>", "text/html"),
        "web page instead of JSON .HTTP 403",
    ),
    "empty": (http("200 OK", ""), "empty answer"),
    "not json": (http("200 OK", '{"id_token": "aaa'), "not a JSON object"),
    "json list": (ok([1]), "not a JSON object"),
    "deep json": (http("200 OK", "[" * 100_000), "not a JSON object"),
    "redirect": (http("302 Found", "", Location="https://portal.example/"), "redirected"),
    "truncated": (ok(TOKENS)[:-20], "broke before the answer was whole"),
    "hung up": (hang_up, "broke before the answer was whole"),
    "reset": (reset, "broke before the answer was whole"),
    "no http": (b"SSH-2.0-OpenSSH_9.2\r\n", "broke before the answer was whole"),
    "500": (http("500 Internal Server Error", "oops"), "HTTP 500"),
    "503": (http("503 Service Unavailable", '{"message": "x"}'), "HTTP 503"),
    "429": (http("429 Too Many Requests", "{}"), "throttling"),
    "endless": (http("200 OK", " " * 3_000_000), "too long"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_to_a_code_is_one_clear_error_and_one_request(fault: str) -> None:
    """Never sent twice, since a code works once; the error is a ConnectionError that holds no secret."""
    script, sentence = BROKEN[fault]
    with CannedServer([script]) as server:
        with pytest.raises(UnavailableError, match=sentence) as raised:
            authenticator(server).exchange_code_for_tokens(CODE, VERIFIER)
        assert len(server.requests) == 1
    assert isinstance(raised.value, ConnectionError)
    assert raised.value.remedy
    assert raised.value.__context__ is None, "the library's exception holds the request, and with it the code"
    assert CODE not in str(raised.value)
    assert VERIFIER not in str(raised.value)


@pytest.mark.parametrize("fault", ["hung up", "reset", "truncated", "500", "503", "429"])
def test_a_refresh_is_repeated_through_passing_faults(fault: str) -> None:
    """Two failures, then an answer: the caller notices nothing."""
    script, _ = BROKEN[fault]
    with CannedServer([script, script, ok(TOKENS)]) as server:
        assert authenticator(server).refresh_tokens(REFRESH) == TOKENS
        assert len(server.requests) == 3


@pytest.mark.parametrize("fault", ["html", "empty", "not json", "redirect"])
def test_nonsense_is_not_asked_for_again(fault: str) -> None:
    """A captive portal says the same thing every time."""
    script, sentence = BROKEN[fault]
    with CannedServer([script]) as server:
        with pytest.raises(UnavailableError, match=sentence):
            authenticator(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


def test_retry_after_is_honoured() -> None:
    """A throttled refresh waits as long as it is told."""
    with CannedServer([http("429 Too Many Requests", "{}", Retry_After="1"), ok(TOKENS)]) as server:
        started = time.monotonic()
        authenticator(server).refresh_tokens(REFRESH)
        assert time.monotonic() - started >= 1


def test_an_hour_of_retry_after_is_not_waited_for() -> None:
    """The error comes at once instead."""
    with CannedServer([http("429 Too Many Requests", "{}", Retry_After="3600")]) as server:
        with pytest.raises(UnavailableError, match="throttling"):
            authenticator(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


def test_an_unreachable_domain_is_tried_again_even_for_a_code() -> None:
    """No connection means that no code has gone out; the message says what to check."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UnavailableError, match=r"could not be reached.*network"):
        CognitoOAuthAuthenticator(f"http://127.0.0.1:{port}", "c").exchange_code_for_tokens(CODE, VERIFIER)


@pytest.mark.parametrize(
    ("payload", "said", "remedy"),
    [
        ('{"error": "invalid_grant"}', "invalid_grant", "older than five minutes"),
        (
            '{"error": "unauthorized_client", "error_description": "invalid_redirect"}',
            "invalid_redirect",
            "http://localhost:3000",
        ),
        (
            '{"error": "invalid_client", "error_description": "invalid_client_secret"}',
            "invalid_client_secret",
            "without one",
        ),
        ('{"error": "invalid_client"}', "invalid_client", "the-client"),
        ('{"error": "unauthorized_client"}', "unauthorized_client", "authorization code grant"),
        ('{"error": "invalid_request"}', "invalid_request", "Sign in again"),
        ('{"error": 7}', "HTTP 400", "Sign in again"),
        ("{}", "HTTP 400", "Sign in again"),
    ],
)
def test_each_refusal_says_cognitos_error_and_what_to_do(payload: str, said: str, remedy: str) -> None:
    """Refused is a PermissionError."""
    with CannedServer([http("400 Bad Request", payload, "application/json;charset=UTF-8")]) as server:
        with pytest.raises(RefusedError, match=said) as raised:
            authenticator(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert isinstance(raised.value, PermissionError)
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("secret", [CODE, VERIFIER])
def test_a_server_that_repeats_our_secrets_cannot_make_us_show_them(secret: str) -> None:
    """Neither as its error nor as its description."""
    with CannedServer([echo(secret)]) as server, pytest.raises(RefusedError) as raised:
        authenticator(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert secret not in str(raised.value)


@pytest.mark.parametrize("missing", ["id_token", "access_token", "refresh_token"])
def test_a_missing_token_is_named(missing: str) -> None:
    """As promised: PermissionError when one of the three is missing."""
    with CannedServer([ok({name: value for name, value in TOKENS.items() if name != missing})]) as server:
        with pytest.raises(PermissionError, match=missing) as raised:
            authenticator(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert "aaa" not in str(raised.value)


def test_a_refresh_keeps_the_old_token_or_takes_the_new_one() -> None:
    """Without rotation Cognito sends none; with it the new one counts."""
    fresh = {"id_token": "i", "access_token": "a"}
    with CannedServer([ok(fresh), ok(fresh | {"refresh_token": "rotated"})]) as server:
        assert authenticator(server).refresh_tokens(REFRESH)["refresh_token"] == REFRESH
        assert authenticator(server).refresh_tokens(REFRESH)["refresh_token"] == "rotated"


def test_a_dead_refresh_token_is_the_end_of_the_sign_in() -> None:
    """invalid_grant is final, a PermissionError, and says to sign in again."""
    with CannedServer([http("400 Bad Request", '{"error": "invalid_grant"}')]) as server:
        with pytest.raises(SignedOutError, match="Sign in again") as raised:
            authenticator(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1
    assert isinstance(raised.value, PermissionError)


def test_revoking_takes_an_empty_answer() -> None:
    """Cognito answers 200 and nothing (RFC 7009, section 2.2)."""
    with CannedServer([http("200 OK", "")]) as server:
        authenticator(server).revoke(REFRESH)
        assert server.requests[0].startswith(b"POST /oauth2/revoke ")
        assert f"token={REFRESH}&client_id=the-client".encode() in server.requests[0]


def test_a_netrc_entry_does_not_break_the_public_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests would send it as Basic authentication, which Cognito takes for a wrong client secret."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ann password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with CannedServer([ok(TOKENS)]) as server:
        authenticator(server).refresh_tokens(REFRESH)
        assert b"authorization:" not in server.requests[0].lower()


def test_https_proxy_is_used_and_named_when_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token endpoint goes through HTTPS_PROXY; a proxy that says no is told apart from a dead network."""
    with CannedServer([http("407 Proxy Authentication Required", "")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(UnavailableError, match="proxy") as raised:
            CognitoOAuthAuthenticator("auth.invalid", "c").exchange_code_for_tokens(CODE, VERIFIER)
        assert proxy.requests[0].startswith(b"CONNECT auth.invalid:443 ")
    assert "HTTPS_PROXY" in raised.value.remedy


@pytest.mark.parametrize("minutes", [-12, 0, 45])
def test_the_clock_skew_is_read_from_the_date_header(minutes: int) -> None:
    """Positive where Cognito's clock is ahead of this machine's."""
    date = formatdate(time.time() + minutes * 60, usegmt=True)
    with CannedServer([ok(TOKENS, Date=date)]) as server:
        client = authenticator(server)
        assert client.clock_skew == timedelta(0)
        client.refresh_tokens(REFRESH)
    assert abs(client.clock_skew - timedelta(minutes=minutes)) < timedelta(seconds=3)


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_while_the_answer_is_on_its_way_counts_as_it_is_since(step: int) -> None:
    """Half an hour, the middle between before and after, would be wrong by half an hour."""
    with CannedServer([ok(TOKENS, Date=formatdate(time.time(), usegmt=True))]) as server:
        client = authenticator(server, now=lambda: time.time() + (step if server.requests else 0))
        client.refresh_tokens(REFRESH)
    assert abs(client.clock_skew + timedelta(seconds=step)) < timedelta(seconds=3)
