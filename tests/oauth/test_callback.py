"""The loopback listener, under everything that reaches a port on a person's machine."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator, OAuthCallbackHandler, OAuthCallbackServer
from cognito_jupyter.errors import ListenerError
from cognito_jupyter.oauth.answer import OAuthCallbackResult
from cognito_jupyter.oauth.callback import Verdict

NOISE = """
import socket, sys
for _ in range(1000):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as noise:
        noise.sendall(b"\\x16\\x03\\x01 not http at all\\r\\n\\r\\n")
"""
STATE, CODE = "this-logins-state", "c0de-to-be-kept"
GENUINE = f"/callback?code={CODE}&state={STATE}"


class Waiting:
    """Stands for a login: accepts the one answer with its state."""

    def __init__(self) -> None:
        self.accepted: list[OAuthCallbackResult] = []

    def judge(self, answer: OAuthCallbackResult) -> Verdict:
        if answer.state != STATE:
            return Verdict.STRANGER
        if self.accepted:
            return Verdict.LATE
        self.accepted.append(answer)
        return Verdict.DENIED if answer.error else Verdict.ACCEPTED


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def server(waiting: Waiting) -> Iterator[OAuthCallbackServer]:
    with closing_server(OAuthCallbackServer(("localhost", 0), judge=waiting.judge, path="/callback")) as listening:
        yield listening


def closing_server(server: OAuthCallbackServer) -> OAuthCallbackServer:
    server.start()
    return server


def ask(
    server: OAuthCallbackServer, target: str = GENUINE, method: str = "GET", address: str = "127.0.0.1", **headers: str
) -> tuple[int, dict[str, str], str]:
    with closing(http.client.HTTPConnection(address, server.server_port, timeout=10)) as connection:
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()


def raw(server: OAuthCallbackServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_genuine_callback_arrives_on_both_loopbacks(
    server: OAuthCallbackServer, waiting: Waiting, address: str
) -> None:
    """localhost may mean either; both answer."""
    assert ask(server, address=address)[0] == 200
    assert waiting.accepted == [OAuthCallbackResult(CODE, None, None, STATE)]


def test_the_genuine_callback_after_everything_else(server: OAuthCallbackServer, waiting: Waiting) -> None:
    """Favicon, forged answers, wrong hosts and methods, silence, halves and 1,000 requests of noise change nothing."""
    with ExitStack() as spare:
        for _ in range(20):
            spare.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        half = spare.enter_context(socket.create_connection(("::1", server.server_port)))
        half.sendall(b"GET /callback?code=" + CODE.encode())
        strays = [
            "/favicon.ico", "/", "/callback", "/callback?", f"/callback?code=forged&state={STATE}x",
            "/callback?code=forged", f"/callback?code=a&code=b&state={STATE}", "//callback?x",
            f"/callback?error=access_denied&state={STATE[:-1]}", "/callback?state=%ff%00&code=%fe",
            f"/other?code={CODE}&state={STATE}", f"/callback/?code={CODE}&state={STATE}",
        ]  # fmt: skip
        assert [ask(server, stray)[0] for stray in strays] == [404] * len(strays)
        for host in ("evil.example", "localhost.evil.example", "a@localhost", "", "127.0.0.2"):
            assert ask(server, Host=host)[0] == 404, host
        for method in ("HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW"):
            assert ask(server, method=method)[0] == 405, method
        subprocess.run([sys.executable, "-c", NOISE, str(server.server_port)], check=True)
        assert waiting.accepted == []
        assert ask(server, Host="localhost:8443")[0] == 200
    assert [answer.authorization_code for answer in waiting.accepted] == [CODE]


def test_hundreds_of_silent_connections_do_not_keep_the_browser_out(
    server: OAuthCallbackServer, waiting: Waiting
) -> None:
    """The oldest silent ones are dropped, so that threads do not run out and the newest is heard."""
    before = threading.active_count()
    with ExitStack() as spare:
        for _ in range(300):
            spare.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        assert ask(server)[0] == 200
        # A thread whose connection was cut takes a moment to end.
        until = time.monotonic() + 20
        while threading.active_count() - before >= 200 and time.monotonic() < until:
            time.sleep(0.01)
        assert threading.active_count() - before < 200
    assert len(waiting.accepted) == 1


def test_two_hosts_or_none_are_refused(server: OAuthCallbackServer, waiting: Waiting) -> None:
    """A request that names no host, or two, is not a browser's."""
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        assert (
            b" 404 " in raw(server, b"GET " + GENUINE.encode() + b" HTTP/1.1\r\n" + hosts + b"\r\n").split(b"\r\n")[0]
        )
    assert waiting.accepted == []


def test_the_redirect_uris_own_host_is_welcome(waiting: Waiting) -> None:
    """Behind a hub the listener sees the hub's public name."""
    with closing_server(
        OAuthCallbackServer(("localhost", 0), judge=waiting.judge, path="/callback", host="hub.example")
    ) as server:
        assert ask(server, Host="HUB.example:443")[0] == 200


def test_late_answers_are_told_so(server: OAuthCallbackServer) -> None:
    """A second genuine answer changes nothing and the person is told."""
    assert ask(server)[0] == 200
    status, _, page = ask(server)
    assert (status, "already over" in page) == (410, True)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (GENUINE, 200),
        (f"/callback?error=access_denied&error_description=<script>alert(1)</script>&state={STATE}", 400),
        ("/callback?code=<b>bold</b>&state=<i>wrong</i>", 404),
        ("/nothing/<b>here</b>", 404),
    ],
)
def test_every_page_is_safe_and_says_to_go_back(server: OAuthCallbackServer, target: str, status: int) -> None:
    """Nothing is reflected; no-store, no-referrer, one script and one style by hash; the person knows what next."""
    found, headers, page = ask(server, target, User_Agent="<b>agent</b>")
    assert found == status
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "notebook" in page
    for reflected in (CODE, STATE, "alert", "<b>", "access_denied", "wrong", "agent"):
        assert reflected not in page
    policy = headers["content-security-policy"]
    for kind, inline in (
        ("script", re.findall("<script>(.*?)</script>", page, re.DOTALL)),
        ("style", re.findall("<style>(.*?)</style>", page, re.DOTALL)),
    ):
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "history.replaceState" in page


def test_malformed_requests_get_our_page_too(server: OAuthCallbackServer) -> None:
    """The standard library's error pages repeat the request; ours do not."""
    for request in (
        b"<b>BREW</b> / HTTP/1.1\r\n\r\n",
        b"GET /%s HTTP/9.9\r\n\r\n" % b"<b>x",
        b"GET " + b"a" * 70000 + b"\r\n\r\n",
    ):
        answer = raw(server, request)
        assert b"<b>" not in answer
        assert b"aaaa" not in answer


def test_closing_ends_every_thread_and_frees_the_port(waiting: Waiting) -> None:
    """Also with silent and half-sent connections open, and again and again."""
    before = set(threading.enumerate())
    server = closing_server(OAuthCallbackServer(("localhost", 0), judge=waiting.judge, path="/callback"))
    port = server.server_port
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("::1", port)) as half:
        half.sendall(b"GET /callb")
        assert ask(server)[0] == 200
        server.server_close()
        server.server_close()
        server.shutdown()
        assert set(threading.enumerate()) == before
    with OAuthCallbackServer(("localhost", port), judge=waiting.judge):
        pass


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")]
)
def test_a_port_busy_on_one_loopback_is_busy(family: socket.AddressFamily, address: str) -> None:
    """Whoever holds the other address would be handed the code; the error names the port and what to do."""
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        before = set(threading.enumerate())
        with pytest.raises(ListenerError, match=rf"Port {port} is in use.*redirect_uri") as raised:
            OAuthCallbackServer(("localhost", port))
        assert isinstance(raised.value, ConnectionError)
        assert set(threading.enumerate()) == before


def test_only_loopback_is_ever_bound() -> None:
    """Any other address is refused."""
    with pytest.raises(ListenerError, match="loopback only"):
        OAuthCallbackServer(("0.0.0.0", 0))


# -- the promised start_local_server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_the_bare_server_takes_the_first_well_formed_answer() -> None:
    """It knows no state: its caller compares."""
    port = free_port()
    authenticator = CognitoOAuthAuthenticator("auth.example", "client", f"http://localhost:{port}")
    with authenticator.start_local_server(port) as server:
        assert server.result == OAuthCallbackResult()
        assert ask(server, "/favicon.ico")[0] == 404
        assert ask(server, "/?state=alone")[0] == 404
        assert ask(server, "/?code=first&state=any")[0] == 200
        assert ask(server, "/?code=second&state=any")[0] == 410
        assert (server.result.authorization_code, server.result.state, server.result.error) == ("first", "any", None)


def test_the_reference_callers_pattern_still_works() -> None:
    """handle_request in a thread, joined, then the result read, also when a stray request comes first."""
    server = OAuthCallbackServer(("127.0.0.1", 0), OAuthCallbackHandler)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    assert ask(server, "/favicon.ico")[0] == 404
    assert ask(server, "/?error=access_denied&error_description=no&state=s")[0] == 400
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert (server.result.error, server.result.error_description) == ("access_denied", "no")
    server.server_close()


def test_a_busy_port_is_a_connection_error_that_names_it() -> None:
    """As promised: naming the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConnectionError, match=str(port)):
            CognitoOAuthAuthenticator("auth.example", "client").start_local_server(port)
