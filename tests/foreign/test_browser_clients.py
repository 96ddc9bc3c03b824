"""Single-page applications sign in at the stand-in in Chromium, whose same-origin policy no other client here has."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

from cognito_jupyter.local.server import LOGOUT_URI
from tests.browser.chromium import FLAGS, find_chromium

from .stand_in import StandIn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long]

RunPage = Callable[..., Any]

_SETTINGS = {
    "domain": "COGNITO_DOMAIN",
    "clientId": "COGNITO_CLIENT_ID",
    "redirectUri": "COGNITO_REDIRECT_URI",
    "userPoolId": "COGNITO_USER_POOL_ID",
    "identityPoolId": "COGNITO_IDENTITY_POOL_ID",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # late: this module is collected without it too

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def run_page(chromium: Browser, node_folder: Path, tmp_path: Path) -> RunPage:
    """Serves a script as an application at the redirect URI, signs in there, and returns the application's outcome."""

    def run(script: str, stand_in: StandIn, afterwards: Callable[[Page], None] | None = None) -> Any:
        bundle = tmp_path / f"{script}.js"
        esbuild = ["node", str(node_folder / "node_modules" / "esbuild" / "bin" / "esbuild"), f"{script}.mjs"]
        subprocess.run(
            [*esbuild, "--bundle", "--log-level=warning", f"--outfile={bundle}"], cwd=node_folder, check=True
        )
        settings = {name: stand_in.environment[variable] for name, variable in _SETTINGS.items()}
        settings["signedOutUri"] = LOGOUT_URI
        page = f"<!doctype html><script>window.settings = {json.dumps(settings)}</script><script src=/app.js></script>"
        port = urlsplit(settings["redirectUri"]).port
        assert port is not None
        with (
            _Application(port, page.encode(), bundle.read_bytes()),
            chromium.new_context(ignore_https_errors=True) as context,
        ):
            tab = context.new_page()
            problems: list[str] = []
            tab.on("console", lambda message: problems.append(message.text))
            tab.on("pageerror", lambda error: problems.append(str(error)))
            tab.goto(settings["redirectUri"])
            tab.evaluate("() => { signIn() }")
            tab.fill("#username", stand_in.username)
            tab.fill("#password", stand_in.password)
            tab.click("button[type=submit]")
            tab.wait_for_url(f"{settings['redirectUri']}?**")
            try:
                outcome = tab.evaluate("() => outcome")
            except Exception as error:
                raise AssertionError(f"{error}\n" + "\n".join(problems)) from error
            if afterwards is not None:
                afterwards(tab)
            return outcome

    return run


class _Application(ThreadingHTTPServer):
    """The web server of an application.

    Args:
        port: The port of the redirect URI.
        page: The HTML of every path but the script's.
        script: The JavaScript.
    """

    daemon_threads = True

    def __init__(self, port: int, page: bytes, script: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body, kind = (script, "text/javascript") if self.path == "/app.js" else (page, "text/html")
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Logs nothing: the request line has a code."""

        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def test_oidc_client_ts_signs_in_refreshes_and_revokes_in_a_browser(run_page: RunPage, stand_in: StandIn) -> None:
    """Discovery, token, userInfo and revocation are cross-origin requests, some with a preflight."""
    assert run_page("page_oidc_client_ts", stand_in) == {
        "email": "demo@example.org",
        "refreshed": True,
        "afterRevocation": "invalid_grant",
    }


@pytest.mark.parametrize("kind", ["stand_in", "local_stand_in"])
def test_amplify_signs_in_and_gets_credentials_in_a_browser(
    kind: str, run_page: RunPage, request: pytest.FixtureRequest
) -> None:
    """AWS's own library for web pages: it takes the key of Logins from the id token's issuer."""
    stand_in: StandIn = request.getfixturevalue(kind)
    outcome = run_page("page_amplify", stand_in)
    assert outcome["issuer"] == stand_in.environment["FOREIGN_ISSUER"]
    assert outcome["username"] == stand_in.username
    assert outcome["identityId"].startswith(stand_in.environment["COGNITO_REGION"])
    assert outcome["accessKeyId"].startswith("ASIA")
    assert 0 < outcome["expires"] - time.time() <= 3600


def test_amplify_signs_out_and_the_browser_sees_the_login_page_again(run_page: RunPage, stand_in: StandIn) -> None:
    """It ends at the registered sign-out URL, and the login cookie has gone."""

    def sign_out(tab: Page) -> None:
        # Nothing listens at the sign-out URL, so the request to it is all that there is.
        with tab.expect_request(LOGOUT_URI):
            tab.evaluate("() => { signOut() }")
        other = tab.context.new_page()
        other.goto(stand_in.environment["COGNITO_REDIRECT_URI"])
        other.evaluate("() => { signIn() }")
        other.wait_for_selector("#password")

    assert run_page("page_amplify", stand_in, sign_out)["username"] == stand_in.username
