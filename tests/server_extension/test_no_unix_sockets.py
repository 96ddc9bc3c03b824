"""The relay without Unix sockets, as on Windows: the page in the browser hands the redirect over."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import urlencode

import pytest

from cognito_jupyter.oauth.authorization_response import CallbackOutcome
from cognito_jupyter.oauth.login import CallbackRoute, LoginState
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE
from cognito_jupyter.server_extension.handover_page import PAGE
from tests.server_extension.test_relay import RelayedLogin
from tests.support.jupyter_server import JupyterServer, StartServer
from tests.support.polling import wait_until

WITHOUT_UNIX_SOCKETS = "import socket\ndel socket.AF_UNIX\n"
"""For the server's configuration file, which runs after the imports: Jupyter and tornado look at the system's name."""


def serves(server: JupyterServer) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/", {})[0] > 0
    return False


def test_the_page_hands_the_redirect_to_the_login_that_waits_for_it(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jupyter_server_config.py").write_text(WITHOUT_UNIX_SOCKETS, encoding="ascii")
    environment = {"JUPYTER_CONFIG_DIR": str(tmp_path), FOLDER_VARIABLE: "/of/another/server"}
    with start_server(environment=environment) as server:
        wait_until(lambda: server.process.poll() is not None or serves(server), server.log)
        assert "sign-ins return to panels only; there is no folder for sockets" in server.log()
        assert not list(server.runtime.glob("cognito-*"))
        monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
        address = f"http://localhost:{server.port}{RELAY_PATH}"
        with RelayedLogin(address) as login, RelayedLogin(address) as other:
            assert login.route is CallbackRoute.PASTE
            status, page = server.callback(login.query)
            assert (status, page) == (404, PAGE.body.decode())
            # Every panel gets the page's address over a channel, and passes it to its kernel.
            redirect = f"{address}?{login.query}"
            assert other.handle_relayed_url(redirect) is CallbackOutcome.STATE_MISMATCH
            assert login.handle_relayed_url(redirect) is CallbackOutcome.ACCEPTED
            assert login.tokens()["id_token"] == "i"
            forged = f"{address}?{urlencode({'code': 'c', 'state': 's'})}"
            assert other.handle_relayed_url(forged) is CallbackOutcome.STATE_MISMATCH
            assert other.poll() is LoginState.PENDING
