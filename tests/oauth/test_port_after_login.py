"""The port of a redirect URI, right after a login: nothing of the login's connections is left there.

Whichever end of a TCP connection closes first keeps it in TIME_WAIT for a while, and a system that heeds that refuses
the port to the next login. Linux does so for a socket without SO_REUSEADDR, with which these tests bind.
"""

from __future__ import annotations

import http.client
import socket
import sys
import time
from contextlib import closing
from urllib.parse import urlencode

import pytest
import requests

from cognito_jupyter import OAuthCallbackHandler, OAuthCallbackServer
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.support.polling import TEST_TIMEOUT
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="Other systems do not refuse such a port to every socket."
)


def assert_is_free(port: int) -> None:
    """Binds the port on both loopback addresses without any option."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listener:
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))


@pytest.fixture(autouse=True)
def patient_with_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has time to close its connection first, on any machine; usually it is a second."""
    monkeypatch.setattr("cognito_jupyter.oauth.callback.connections._CLOSE_TIMEOUT", TEST_TIMEOUT)


@pytest.fixture
def server() -> OAuthCallbackServer:
    server = OAuthCallbackServer(("localhost", free_port()), path="/callback")
    server.start()
    return server


def callback_url(server: OAuthCallbackServer) -> str:
    return f"http://localhost:{server.server_port}/callback?{urlencode({'code': 'c0de', 'state': 'st4te'})}"


def test_twenty_logins_in_a_row_find_the_port_free(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where the listener sets no option."""
    authenticator = CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, open_browser=False
    )
    port = int(cognito.redirect_uri.split()[0].rpartition(":")[2].partition("/")[0])
    user = cognito.demo_user
    for _ in range(20):
        assert_is_free(port)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", "win32")
            login = authenticator.begin_login()
        with login:
            assert login.listener_error is None
            submit_login(login.authorization_url, user.username, user.password)
            assert login.wait(10)
            assert login.tokens()["id_token"]


def test_a_browser_that_reads_the_whole_page_leaves_the_port_free(server: OAuthCallbackServer) -> None:
    assert requests.get(callback_url(server), timeout=10).ok
    server.server_close()
    assert_is_free(server.server_port)


def test_a_spare_connection_of_a_browser_leaves_the_port_free(server: OAuthCallbackServer) -> None:
    """It is not waited for, however long a connection with a request would be."""
    with closing(socket.create_connection(("127.0.0.1", server.server_port))) as spare:
        requests.get(callback_url(server), timeout=10)
        began = time.monotonic()
        server.server_close()
        assert time.monotonic() - began < TEST_TIMEOUT / 2
        assert_is_free(server.server_port)
        spare.settimeout(5)
        assert spare.recv(1) == b""


def test_a_refused_request_leaves_the_port_free(server: OAuthCallbackServer) -> None:
    for method, path in (("POST", "/callback"), ("GET", "/favicon.ico"), ("GET", "/" + "x" * 70_000)):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request(method, path)
        connection.getresponse().read()
        connection.close()
    server.server_close()
    assert_is_free(server.server_port)


def test_a_client_that_never_closes_does_not_hold_up_the_end_of_the_login(
    server: OAuthCallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel may do so; the page has long arrived. Any other wait for the client would last longer here."""
    monkeypatch.setattr("cognito_jupyter.oauth.callback.connections._CLOSE_TIMEOUT", 1.0)
    monkeypatch.setattr(OAuthCallbackHandler, "timeout", TEST_TIMEOUT)
    client = socket.create_connection(("127.0.0.1", server.server_port))
    with closing(client):
        client.sendall(b"GET /callback?code=c&state=s HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(1)
        began = time.monotonic()
        server.server_close()
        assert time.monotonic() - began < TEST_TIMEOUT / 2
