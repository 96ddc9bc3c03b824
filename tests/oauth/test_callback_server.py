"""The callback server, with all kinds of requests that reach a port on a laptop."""

from __future__ import annotations

import base64
import errno
import hashlib
import html
import http.client
import io
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from hypothesis import given, strategies as st

from cognito_jupyter import CognitoOAuthAuthenticator, OAuthCallbackHandler, OAuthCallbackServer
from cognito_jupyter._printable import one_line
from cognito_jupyter.errors import ListenerError
from cognito_jupyter.oauth.authorization_response import AuthorizationResponse, CallbackOutcome
from cognito_jupyter.oauth.callback import pages
from cognito_jupyter.oauth.callback.connections import HostHeaderReader
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.ports import free_port

NOISE = """
import socket, sys
for _ in range(1000):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as noise:
        noise.sendall(b"\\x16\\x03\\x01 not http at all\\r\\n\\r\\n")
"""
STATE, CODE = "this-logins-state", "c0de-of-this-login"
SCRIPT = 'history.replaceState(null, "", location.pathname)'
CALLBACK_URL = f"/callback?code={CODE}&state={STATE}"


class FakeLogin:
    """Acts as a login: accepts the first response with its state."""

    def __init__(self) -> None:
        self.accepted: list[AuthorizationResponse] = []

    def handle_response(self, response: AuthorizationResponse) -> CallbackOutcome:
        if response.state != STATE:
            return CallbackOutcome.STATE_MISMATCH
        if self.accepted:
            return CallbackOutcome.ALREADY_FINISHED
        self.accepted.append(response)
        return CallbackOutcome.ERROR if response.error else CallbackOutcome.ACCEPTED


@pytest.fixture
def fake_login() -> FakeLogin:
    return FakeLogin()


@pytest.fixture(autouse=True)
def patient_with_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has time to close its connection, and a thread to end, on any machine; usually it is a second."""
    monkeypatch.setattr("cognito_jupyter.oauth.callback.connections._CLOSE_TIMEOUT", TEST_TIMEOUT)


@pytest.fixture
def server(fake_login: FakeLogin) -> Iterator[OAuthCallbackServer]:
    with started(
        OAuthCallbackServer(("localhost", 0), on_response=fake_login.handle_response, path="/callback")
    ) as listening:
        yield listening


def started(server: OAuthCallbackServer) -> OAuthCallbackServer:
    server.start()
    return server


def send_request(
    server: OAuthCallbackServer,
    target: str = CALLBACK_URL,
    method: str = "GET",
    address: str = "127.0.0.1",
    **headers: str,
) -> tuple[int, dict[str, str], str]:
    with closing(http.client.HTTPConnection(address, server.server_port, timeout=10)) as connection:
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()


def send_raw(server: OAuthCallbackServer, raw_request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(raw_request)
        connection.shutdown(socket.SHUT_WR)
        response = b""
        while part := connection.recv(65536):
            response += part
        return response


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_callback_arrives_on_both_loopback_addresses(
    server: OAuthCallbackServer, fake_login: FakeLogin, address: str
) -> None:
    """localhost may mean either."""
    assert send_request(server, address=address)[0] == 200
    assert fake_login.accepted == [AuthorizationResponse(CODE, None, None, STATE)]


def test_the_callback_arrives_after_forged_and_malformed_requests(
    server: OAuthCallbackServer, fake_login: FakeLogin
) -> None:
    """A favicon request, wrong hosts and methods, silent and half-sent connections, and 1,000 lines of noise."""
    with ExitStack() as connections:
        for _ in range(20):
            connections.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        half_sent = connections.enter_context(socket.create_connection(("::1", server.server_port)))
        half_sent.sendall(b"GET /callback?code=" + CODE.encode())
        other_requests = [
            "/favicon.ico", "/", "/callback", "/callback?", f"/callback?code=forged&state={STATE}x",
            "/callback?code=forged", f"/callback?code=a&code=b&state={STATE}", "//callback?x",
            f"/callback?error=access_denied&state={STATE[:-1]}", "/callback?state=%ff%00&code=%fe",
            f"/other?code={CODE}&state={STATE}", f"/callback/?code={CODE}&state={STATE}",
        ]  # fmt: skip
        assert [send_request(server, stray)[0] for stray in other_requests] == [404] * len(other_requests)
        for host in ("evil.example", "localhost.evil.example", "a@localhost", "", "127.0.0.2"):
            assert send_request(server, Host=host)[0] == 404, host
        for method in ("HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW"):
            assert send_request(server, method=method)[0] == 405, method
        subprocess.run([sys.executable, "-c", NOISE, str(server.server_port)], check=True)
        assert fake_login.accepted == []
        assert send_request(server, Host="localhost:8443")[0] == 200
    assert [response.authorization_code for response in fake_login.accepted] == [CODE]


def test_hundreds_of_silent_connections_do_not_block_the_browser(
    server: OAuthCallbackServer, fake_login: FakeLogin
) -> None:
    """The oldest ones are closed, so that the threads do not run out."""
    before = threading.active_count()
    with ExitStack() as connections:
        for _ in range(300):
            connections.enter_context(socket.create_connection(("127.0.0.1", server.server_port)))
        assert send_request(server)[0] == 200
        # A thread whose connection was closed takes a moment to end.
        wait_until(lambda: threading.active_count() - before < 200)
    assert len(fake_login.accepted) == 1


def test_a_request_with_two_hosts_or_none_is_rejected(server: OAuthCallbackServer, fake_login: FakeLogin) -> None:
    """No browser sends such a request."""
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        assert (
            b" 404 "
            in send_raw(server, b"GET " + CALLBACK_URL.encode() + b" HTTP/1.1\r\n" + hosts + b"\r\n").split(b"\r\n")[0]
        )
    assert fake_login.accepted == []


def test_the_host_of_the_redirect_uri_is_accepted(fake_login: FakeLogin) -> None:
    """Behind a hub the server sees the hub's public name."""
    with started(
        OAuthCallbackServer(
            ("localhost", 0), on_response=fake_login.handle_response, path="/callback", host="hub.example"
        )
    ) as server:
        assert send_request(server, Host="HUB.example:443")[0] == 200


def test_a_second_callback_gets_the_already_finished_page(server: OAuthCallbackServer) -> None:
    assert send_request(server)[0] == 200
    status, _, page = send_request(server)
    assert (status, "already ended" in page) == (410, True)


SERVER_ERROR = "error=server_error&error_description=Invalid+samlResponse+or+relayState"


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        pytest.param(f"/callback?{SERVER_ERROR}", 400, "Your notebook still waits", id="error without a state"),
        pytest.param(f"/callback?{SERVER_ERROR}&state=", 400, "Your notebook still waits", id="error, empty state"),
        pytest.param("/callback?code=c0de", 404, "has no state", id="code without a state"),
        pytest.param("/callback?code=c0de&state=", 404, "has no state", id="code with an empty state"),
        pytest.param("/callback?code=c0de&state=another", 404, "paste it there", id="another login's code"),
        pytest.param("/callback?error=access_denied&state=another", 404, "paste it there", id="another login's error"),
        pytest.param("/?code=c0de&state=another", 404, "paste it there", id="another redirect URI at this port"),
        pytest.param(f"/?code=c0de&state={STATE}", 404, "paste it there", id="this login's state at another path"),
        pytest.param(f"/?{SERVER_ERROR}", 400, "Your notebook still waits", id="error at another path"),
    ],
)
def test_a_response_that_is_not_accepted_keeps_its_address_and_says_what_to_do(
    server: OAuthCallbackServer, fake_login: FakeLogin, target: str, status: int, sentence: str
) -> None:
    """The address is needed: to be pasted into the notebook that it belongs to, or to be shown to an administrator."""
    for kind in ("few headers", "cookies over 64 KB", "more than 100 headers"):
        found, _, page = send_request(server, target, **headers_of(kind))
        assert (found, sentence in page) == (status, True)
        assert "replaceState" not in page
        assert "<script" not in page
    assert fake_login.accepted == []


def test_the_page_of_an_error_without_a_state_shows_it_as_text(server: OAuthCallbackServer) -> None:
    """It could be in any link that a page on the Internet holds."""
    description = "%3Cscript%3Ealert(1)%3C/script%3E%0D%0A%1B%5B31m%E2%80%AE" + "x" * 500
    page = send_request(server, f"/callback?error=server_error&error_description={description}")[2]
    assert "<q>server_error: &lt;script&gt;alert(1)&lt;/script&gt; xxx" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "x" * 201 not in page


@given(st.text())
def test_any_error_is_text_in_its_page(error: str) -> None:
    page = pages.error_without_state(one_line(error)).body.decode()
    shown = page.partition("<q>")[2].partition("</q>")[0]
    assert html.unescape(shown) == one_line(error)
    assert not {"<", ">", '"'} & set(shown)


def headers_of(kind: str) -> dict[str, str]:
    """Returns the headers of a browser that has been at many programs on localhost."""
    match kind:
        case "cookies over 64 KB":
            return {"Cookie": "; ".join(f"jupyter-hub-{i}={'x' * 4000}" for i in range(180))}
        case "more than 100 headers":
            return {f"X-Header-{i}": "x" for i in range(150)}
        case _:
            return {}


@pytest.mark.parametrize("kind", ["cookies over 64 KB", "more than 100 headers"])
def test_a_login_succeeds_whatever_cookies_and_headers_the_browser_sends(
    server: OAuthCallbackServer, fake_login: FakeLogin, kind: str
) -> None:
    """A browser sends the cookies of every program on localhost, whatever the port."""
    assert send_request(server, **headers_of(kind))[0] == 200
    assert [response.authorization_code for response in fake_login.accepted] == [CODE]


@pytest.mark.parametrize(
    "headers",
    [
        b"Cookie: " + b"a" * 65_529 + b"Host: evil.example\r\nHost: localhost\r\n",
        b"Cookie: a=1\r\n Host: evil\r\nhost:localhost\r\n",
    ],
)
def test_a_host_within_another_header_is_no_host(
    server: OAuthCallbackServer, fake_login: FakeLogin, headers: bytes
) -> None:
    send_raw(server, b"GET " + CALLBACK_URL.encode() + b" HTTP/1.1\r\n" + headers + b"\r\n")
    assert [response.authorization_code for response in fake_login.accepted] == [CODE]


def test_a_folded_host_header_is_rejected(server: OAuthCallbackServer, fake_login: FakeLogin) -> None:
    send_raw(server, b"GET " + CALLBACK_URL.encode() + b" HTTP/1.1\r\nHost: localhost\r\n evil.example\r\n\r\n")
    assert fake_login.accepted == []


def test_an_address_that_is_too_long_to_read_can_still_be_pasted(server: OAuthCallbackServer) -> None:
    """The address is in the browser's address bar, and the page says so."""
    response = send_raw(server, b"GET /callback?code=" + b"a" * 65_518)
    assert response.startswith(b"HTTP/1.0 431 ")
    assert b"paste it into the notebook" in response
    assert b"replaceState" not in response


@given(
    st.lists(st.tuples(st.sampled_from(["Cookie", "X-Host", "Host ", "HOSTS"]), st.text("ab:; \t", max_size=9))),
    st.integers(0, 3),
)
def test_of_any_headers_only_host_is_read(headers: list[tuple[str, str]], size: int) -> None:
    """Whatever comes before and after it, and in however large parts the lines are read."""
    before = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    reader = HostHeaderReader(io.BytesIO(before + b"Host: localhost:3000\r\n" + before + b"\r\nbody"))
    assert reader.readline(1 << 16 << size) == b"Host: localhost:3000\r\n"
    assert reader.readline(1 << 16) == b"\r\n"


def test_the_documentation_explains_every_page_that_a_user_may_meet() -> None:
    documentation = Path(__file__).parents[2].joinpath("docs", "troubleshooting.md").read_text(encoding="utf-8")
    fixed = [page for page in vars(pages).values() if isinstance(page, pages.CallbackPage)]
    titles = {re.findall("<h1>(.*)</h1>", page.body.decode())[0] for page in fixed}
    assert {title for title in titles if title not in documentation} == {"Sign-in received", "Nothing here"}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (CALLBACK_URL, 200),
        (f"/callback?error=access_denied&error_description=<script>alert(1)</script>&state={STATE}", 400),
        ("/callback?code=<b>bold</b>&state=<i>wrong</i>", 404),
        ("/nothing/<b>here</b>", 404),
    ],
)
def test_every_page_reflects_nothing_and_points_back_to_the_notebook(
    server: OAuthCallbackServer, target: str, status: int
) -> None:
    """The headers forbid storing and referrers, and allow one script and one style sheet by their hashes."""
    found, headers, page = send_request(server, target, User_Agent="<b>agent</b>")
    assert found == status
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "notebook" in page
    for reflected in (CODE, STATE, "alert", "<b>", "access_denied", "wrong", "agent"):
        assert reflected not in page
    policy = headers["content-security-policy"]
    for kind, inline in (
        ("script", re.findall("<script>(.*?)</script>", page, re.DOTALL) if status == 200 else [SCRIPT]),
        ("style", re.findall("<style>(.*?)</style>", page, re.DOTALL)),
    ):
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert (SCRIPT in page) == (status == 200)


def test_malformed_requests_get_a_page_that_repeats_nothing(server: OAuthCallbackServer) -> None:
    """The standard library's error pages would repeat the request."""
    for request in (
        b"<b>BREW</b> / HTTP/1.1\r\n\r\n",
        b"GET /%s HTTP/9.9\r\n\r\n" % b"<b>x",
        b"GET " + b"a" * 70000 + b"\r\n\r\n",
    ):
        response = send_raw(server, request)
        assert b"<!doctype html>" in response, request[:20]
        assert b"<b>" not in response
        assert b"aaaa" not in response


def test_the_page_for_an_address_that_is_too_long_is_not_cut_off(
    server: OAuthCallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the address is read too: a connection that is closed before that is reset."""
    monkeypatch.setattr("cognito_jupyter.oauth.callback.connections._CLOSE_TIMEOUT", 1.0)  # this client closes last
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        connection.sendall(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n")
        while connection.recv(65536):
            pass
        wait_until(lambda: not any(map(threading.Thread.is_alive, server._connections.values())))
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_closing_ends_every_thread_and_frees_the_port(fake_login: FakeLogin) -> None:
    """Silent and half-sent connections are open, and it is closed twice."""
    before = set(threading.enumerate())
    server = started(OAuthCallbackServer(("localhost", 0), on_response=fake_login.handle_response, path="/callback"))
    port = server.server_port
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("::1", port)) as half_sent:
        half_sent.sendall(b"GET /callb")
        assert send_request(server)[0] == 200
        server.server_close()
        server.server_close()
        server.shutdown()
        assert set(threading.enumerate()) <= before
    with OAuthCallbackServer(("localhost", port), on_response=fake_login.handle_response):
        pass


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")]
)
def test_a_port_in_use_on_one_loopback_address_is_in_use(family: socket.AddressFamily, address: str) -> None:
    """A process on the other address would receive the code; the error names the port and a remedy."""
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        before = set(threading.enumerate())
        with pytest.raises(ListenerError, match=rf"Port {port} is in use.*redirect_uri") as raised:
            OAuthCallbackServer(("localhost", port))
        assert isinstance(raised.value, ConnectionError)
        assert set(threading.enumerate()) <= before


def test_a_port_that_windows_has_reserved_has_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows reserves ranges of ports for Hyper-V, WSL and Docker; no program listens there, so none can be closed."""

    class ReservedPortError(PermissionError):
        winerror = 10013

    def bind(_: socket.socket, address: tuple[str, int]) -> None:
        raise ReservedPortError(errno.EACCES, f"forbidden by its access permissions: {address}")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(ListenerError, match=r"listen on port 3000 \(WinError 10013\): it is reserved") as raised:
        OAuthCallbackServer(("localhost", 3000))
    assert "excludedportrange" in raised.value.remedy
    assert "another port" in raised.value.remedy


def test_only_loopback_addresses_are_bound() -> None:
    with pytest.raises(ListenerError, match="only on loopback"):
        OAuthCallbackServer(("0.0.0.0", 0))


# -- the promised start_local_server


def test_start_local_server_serves_the_path_that_is_registered_with_its_port() -> None:
    """Not that of the first redirect URI."""
    port = free_port()
    uris = f"http://localhost:{free_port()}/first http://localhost:{port}/second"
    authenticator = CognitoOAuthAuthenticator("auth.example", "client", uris)
    with authenticator.start_local_server(port) as server:
        assert requests.get(f"http://localhost:{port}/second?code=c&state=s", timeout=5).status_code == 200
        assert server.result.authorization_code == "c"


def test_a_server_without_a_login_accepts_the_first_well_formed_response() -> None:
    """The caller compares the state."""
    port = free_port()
    authenticator = CognitoOAuthAuthenticator("auth.example", "client", f"http://localhost:{port}")
    with authenticator.start_local_server(port) as server:
        assert server.result == AuthorizationResponse()
        assert send_request(server, "/favicon.ico")[0] == 404
        assert send_request(server, "/?state=without-code")[0] == 404
        assert send_request(server, "/?code=first&state=any")[0] == 200
        assert send_request(server, "/?code=second&state=any")[0] == 410
        assert (server.result.authorization_code, server.result.state, server.result.error) == ("first", "any", None)


def test_handle_request_in_a_thread_returns_the_response() -> None:
    """The calling pattern of the reference implementation; an unrelated request comes first."""
    server = OAuthCallbackServer(("127.0.0.1", 0), OAuthCallbackHandler)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    assert send_request(server, "/favicon.ico")[0] == 404
    assert send_request(server, "/?error=access_denied&error_description=no&state=s")[0] == 400
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert (server.result.error, server.result.error_description) == ("access_denied", "no")
    server.server_close()


def test_a_port_in_use_is_a_connection_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConnectionError, match=str(port)):
            CognitoOAuthAuthenticator("auth.example", "client").start_local_server(port)
