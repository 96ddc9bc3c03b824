"""HTTP requests with the faults of servers, proxies and networks."""

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
from cognito_jupyter._util.retries import one_request_only
from cognito_jupyter.errors import RefusedError, SignedOutError, UnavailableError
from tests.oauth.scripted_server import ConnectionScript, ScriptedServer, http_response, json_response

CODE, VERIFIER, REFRESH = "c0de-of-this-login", "verifier-of-this-login", "refresh-token-of-this-login"
TOKENS = {"id_token": "aaa.bbb.ccc", "access_token": "ddd.eee.fff", "refresh_token": "ggg", "expires_in": 3600}


def close_silently(connection: socket.socket) -> None:
    """Closes the connection without a response."""


def reset(connection: socket.socket) -> None:
    """Closes the connection with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def authenticator_for(server: ScriptedServer, now: Callable[[], float] = time.time) -> CognitoOAuthAuthenticator:
    return CognitoOAuthAuthenticator(server.origin, "the-client", "http://localhost:3000", now=now)


def echo_response(secret: str) -> bytes:
    """Returns an error that repeats a secret of the request."""
    return http_response("400 Bad Request", f'{{"error": "{secret}", "error_description": "{secret}"}}')


BROKEN_RESPONSES: dict[str, tuple[ConnectionScript, str]] = {
    "html": (http_response("200 OK", "<html>Wi-Fi sign-in</html>", "text/html"), "web page instead of JSON"),
    "html called json": (http_response("200 OK", "<!doctype html>"), "web page instead of JSON"),
    "forbidden html": (
        http_response("403 Forbidden", "<html>blocked</html>", "text/html"),
        "A firewall refused the request to .* .HTTP 403",
    ),
    "empty": (http_response("200 OK", ""), "empty response"),
    "not json": (http_response("200 OK", '{"id_token": "aaa'), "not a JSON object"),
    "json list": (json_response([1]), "not a JSON object"),
    "deep json": (http_response("200 OK", "[" * 100_000), "not a JSON object"),
    "redirect": (http_response("302 Found", "", Location="https://portal.example/"), "redirected"),
    "truncated": (json_response(TOKENS)[:-20], "broke before the response was complete"),
    "hung up": (close_silently, "broke before the response was complete"),
    "reset": (reset, "broke before the response was complete"),
    "no http": (b"SSH-2.0-OpenSSH_9.2\r\n", "broke before the response was complete"),
    "500": (http_response("500 Internal Server Error", "oops"), "HTTP 500"),
    "503": (http_response("503 Service Unavailable", '{"message": "x"}'), "HTTP 503"),
    "429": (http_response("429 Too Many Requests", "{}"), "throttling"),
    "400 throttled": (
        http_response("400 Bad Request", '{"__type":"TooManyRequestsException","message":"Rate exceeded"}'),
        "throttling",
    ),
    "endless": (http_response("200 OK", " " * 3_000_000), "too long"),
}


@pytest.mark.parametrize("fault", BROKEN_RESPONSES)
def test_a_broken_response_to_a_code_exchange_is_one_error_after_one_request(fault: str) -> None:
    """A code works once, so it is not sent twice; the error is a ConnectionError without a secret."""
    script, sentence = BROKEN_RESPONSES[fault]
    with ScriptedServer([script]) as server:
        with pytest.raises(UnavailableError, match=sentence) as raised:
            authenticator_for(server).exchange_code_for_tokens(CODE, VERIFIER)
        assert len(server.requests) == 1
    assert isinstance(raised.value, ConnectionError)
    assert raised.value.remedy
    assert raised.value.__context__ is None, "the library's exception holds the request, and with it the code"
    assert CODE not in str(raised.value)
    assert VERIFIER not in str(raised.value)


@pytest.mark.parametrize("fault", ["hung up", "reset", "truncated", "500", "503", "429", "400 throttled"])
def test_a_refresh_is_retried_on_transient_faults(fault: str) -> None:
    """Two requests fail, and the third succeeds."""
    script, _ = BROKEN_RESPONSES[fault]
    with ScriptedServer([script, script, json_response(TOKENS)]) as server:
        assert authenticator_for(server).refresh_tokens(REFRESH) == TOKENS
        assert len(server.requests) == 3


@pytest.mark.parametrize("fault", ["html", "empty", "not json", "redirect"])
def test_a_response_that_is_not_json_is_not_retried(fault: str) -> None:
    """A captive portal would send the same page again."""
    script, sentence = BROKEN_RESPONSES[fault]
    with ScriptedServer([script]) as server:
        with pytest.raises(UnavailableError, match=sentence):
            authenticator_for(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "payload",
    [
        '{"__type": "com.amazonaws.cognito.identity#TooManyRequestsException"}',
        '{"error": "too_many_requests"}',
        '{"error": "invalid_request", "error_description": "Rate exceeded"}',
        '{"message": "Too many requests"}',
        '{"code": "ThrottlingException"}',
        '{"message": "Request rate limit exceeded"}',
    ],
)
def test_a_refresh_is_repeated_however_the_server_says_that_it_throttles(payload: str) -> None:
    """Cognito's form at this endpoint is not documented; its other endpoints use HTTP 400."""
    throttled = http_response("400 Bad Request", payload)
    with ScriptedServer([throttled, json_response(TOKENS)]) as server:
        assert authenticator_for(server).refresh_tokens(REFRESH) == TOKENS
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        ("400 Bad Request", '{"error": "invalid_grant"}'),
        ("400 Bad Request", '{"error": "invalid_request", "error_description": "Rate"}'),
        ("400 Bad Request", '{"error": "x", "error_description": "The trigger failed: too many requests"}'),
        ("401 Unauthorized", '{"error": "too_many_requests"}'),
    ],
)
def test_other_refusals_are_not_repeated(status: str, payload: str) -> None:
    with ScriptedServer([http_response(status, payload)]) as server:
        with pytest.raises((RefusedError, UnavailableError)):
            authenticator_for(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["429", "400 throttled", "503", "reset"])
def test_a_refresh_that_a_later_attempt_follows_is_one_request(fault: str) -> None:
    """During an outage the refresher itself comes back: to repeat each of its requests would multiply them."""
    script, _ = BROKEN_RESPONSES[fault]
    with ScriptedServer([script]) as server, one_request_only(True):
        with pytest.raises(UnavailableError):
            authenticator_for(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


def test_retry_after_is_honoured() -> None:
    with ScriptedServer(
        [http_response("429 Too Many Requests", "{}", Retry_After="1"), json_response(TOKENS)]
    ) as server:
        started = time.perf_counter()
        authenticator_for(server).refresh_tokens(REFRESH)
        assert time.perf_counter() - started >= 1


def test_a_retry_after_of_an_hour_is_an_error_at_once() -> None:
    with ScriptedServer([http_response("429 Too Many Requests", "{}", Retry_After="3600")]) as server:
        with pytest.raises(UnavailableError, match="throttling"):
            authenticator_for(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1


def test_a_code_exchange_is_retried_when_the_domain_is_unreachable() -> None:
    """Without a connection no code was sent; the message says what to check."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UnavailableError, match=r"could not be reached.*network"):
        CognitoOAuthAuthenticator(f"http://127.0.0.1:{port}", "c").exchange_code_for_tokens(CODE, VERIFIER)


@pytest.mark.parametrize(
    ("payload", "reason", "remedy"),
    [
        ('{"error": "invalid_grant"}', "invalid_grant", "older than five minutes"),
        ('{"error": "invalid_grant"}', "invalid_grant", "attribute permissions"),
        (
            '{"error": "unauthorized_client", "error_description": "invalid_redirect"}',
            "invalid_redirect",
            "http://localhost:3000",
        ),
        (
            '{"error": "invalid_client", "error_description": "invalid_client_secret"}',
            "invalid_client_secret",
            "This app client has a secret: set COGNITO_CLIENT_SECRET",
        ),
        ('{"error": "invalid_client"}', "invalid_client", "the-client"),
        ('{"error": "invalid_client"}', "invalid_client", "If this app client has a secret, set COGNITO_CLIENT_SECRET"),
        ('{"error": "unauthorized_client"}', "unauthorized_client", "authorization code grant"),
        ('{"error": "unauthorized_client"}', "unauthorized_client", "exactly this redirect URI with it: http://local"),
        ('{"error": "invalid_request"}', "invalid_request", "Sign in again"),
        ('{"error": 7}', "HTTP 400", "Sign in again"),
        ("{}", "HTTP 400", "Sign in again"),
    ],
)
def test_each_token_error_names_cognitos_error_and_a_remedy(payload: str, reason: str, remedy: str) -> None:
    with ScriptedServer([http_response("400 Bad Request", payload, "application/json;charset=UTF-8")]) as server:
        with pytest.raises(RefusedError, match=reason) as raised:
            authenticator_for(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert isinstance(raised.value, PermissionError)
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("secret", [CODE, VERIFIER])
def test_secrets_that_a_server_echoes_are_not_shown(secret: str) -> None:
    """The server sends them as its error and as its description."""
    with ScriptedServer([echo_response(secret)]) as server, pytest.raises(RefusedError) as raised:
        authenticator_for(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert secret not in str(raised.value)


@pytest.mark.parametrize("missing", ["id_token", "access_token", "refresh_token"])
def test_a_missing_token_is_named(missing: str) -> None:
    """The API promises a PermissionError if one of the three is missing."""
    with ScriptedServer([json_response({name: value for name, value in TOKENS.items() if name != missing})]) as server:
        with pytest.raises(PermissionError, match=missing) as raised:
            authenticator_for(server).exchange_code_for_tokens(CODE, VERIFIER)
    assert "aaa" not in str(raised.value)


def test_a_refresh_returns_the_new_refresh_token_or_the_old_one() -> None:
    """Without rotation Cognito sends no refresh token."""
    without_rotation = {"id_token": "i", "access_token": "a"}
    with ScriptedServer(
        [json_response(without_rotation), json_response(without_rotation | {"refresh_token": "rotated"})]
    ) as server:
        assert authenticator_for(server).refresh_tokens(REFRESH)["refresh_token"] == REFRESH
        assert authenticator_for(server).refresh_tokens(REFRESH)["refresh_token"] == "rotated"


def test_an_expired_refresh_token_is_a_signed_out_error() -> None:
    """invalid_grant is not retried."""
    with ScriptedServer([http_response("400 Bad Request", '{"error": "invalid_grant"}')]) as server:
        with pytest.raises(SignedOutError, match="Sign in again") as raised:
            authenticator_for(server).refresh_tokens(REFRESH)
        assert len(server.requests) == 1
    assert isinstance(raised.value, PermissionError)


def test_revoke_accepts_an_empty_response() -> None:
    """Cognito sends a 200 without a body (RFC 7009, section 2.2)."""
    with ScriptedServer([http_response("200 OK", "")]) as server:
        authenticator_for(server).revoke(REFRESH)
        assert server.requests[0].startswith(b"POST /oauth2/revoke ")
        assert f"token={REFRESH}&client_id=the-client".encode() in server.requests[0]


def test_a_netrc_entry_does_not_break_the_public_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests would send it as Basic authentication, which Cognito treats as a wrong client secret."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ann password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer([json_response(TOKENS)]) as server:
        authenticator_for(server).refresh_tokens(REFRESH)
        assert b"authorization:" not in server.requests[0].lower()


def test_https_proxy_is_used_and_named_when_it_refuses_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message distinguishes a proxy that refuses from a network that fails."""
    with ScriptedServer([http_response("407 Proxy Authentication Required", "")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(UnavailableError, match="proxy") as raised:
            CognitoOAuthAuthenticator("auth.invalid", "c").exchange_code_for_tokens(CODE, VERIFIER)
        assert proxy.requests[0].startswith(b"CONNECT auth.invalid:443 ")
    assert "HTTPS_PROXY" in raised.value.remedy


@pytest.mark.parametrize("minutes", [-12, 0, 45])
def test_the_clock_skew_is_read_from_the_date_header(minutes: int) -> None:
    """It is positive if Cognito's clock is ahead of this machine's."""
    began = time.time()
    date = formatdate(began + minutes * 60, usegmt=True)
    with ScriptedServer([json_response(TOKENS, Date=date)]) as server:
        client = authenticator_for(server)
        assert client.clock_skew == timedelta(0)
        client.refresh_tokens(REFRESH)
    assert abs(client.clock_skew - timedelta(minutes=minutes)) < longest_error(began)


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_set_during_a_request_does_not_distort_the_skew(step: int) -> None:
    """The middle of the two wall-clock readings would be wrong by half an hour."""
    began = time.time()
    with ScriptedServer([json_response(TOKENS, Date=formatdate(began, usegmt=True))]) as server:
        client = authenticator_for(server, now=lambda: time.time() + (step if server.requests else 0))
        client.refresh_tokens(REFRESH)
    assert abs(client.clock_skew + timedelta(seconds=step)) < longest_error(began)


def longest_error(date_header: float) -> timedelta:
    """Returns the longest error of the skew: the header has whole seconds, and was made before the request.

    Args:
        date_header: What it says, in seconds since the epoch.
    """
    return timedelta(seconds=1 + time.time() - date_header)


def test_the_token_endpoint_sees_which_client_calls_it() -> None:
    with ScriptedServer([json_response(TOKENS)]) as server:
        authenticator_for(server).refresh_tokens(REFRESH)
    assert b"User-Agent: cognito-jupyter/" in server.requests[0]
    assert b" python-requests/" in server.requests[0]


@pytest.mark.parametrize(
    "proxy",
    [
        *(f"http://joe:hunter2@{host}" for host in ("127.0.0.1:1", "127.0.0.1:x", "[::1")),
        "joe:hunter2@",
        "socks9://joe:hunter2@h",
    ],
)
def test_the_password_of_a_proxy_is_in_no_error_and_no_log(
    proxy: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that cannot be reached, and one whose URL is malformed."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    authenticator = CognitoOAuthAuthenticator("http://localhost:1", "the-client")
    with one_request_only(True), pytest.raises(UnavailableError, match=r"[Tt]he proxy") as raised:
        authenticator.refresh_tokens(REFRESH)
    assert "hunter2" not in f"{raised.value} {raised.value!r} {raised.value.__context__!r} {caplog.text}"
