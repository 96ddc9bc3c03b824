"""What a real browser sends to the callback server, and which addresses it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from cognito_jupyter.oauth.authorization_response import AuthorizationResponse, CallbackOutcome
from cognito_jupyter.oauth.callback.server import OAuthCallbackServer

COOKIES = [{"name": f"program-{i}", "value": "x" * 4000} for i in range(180)]
"""As many as Chromium keeps for one host, whatever the port."""


@pytest.fixture
def server() -> Iterator[OAuthCallbackServer]:
    """A callback server that waits for one state."""

    def on_response(response: AuthorizationResponse) -> CallbackOutcome:
        return CallbackOutcome.ACCEPTED if response.state == "this-logins" else CallbackOutcome.STATE_MISMATCH

    with OAuthCallbackServer(("localhost", 0), on_response=on_response) as server:
        server.start()
        yield server


@pytest.fixture
def page(chromium: Browser, server: OAuthCallbackServer) -> Iterator[Page]:
    """A page of a browser that has been at many programs on localhost."""
    context = chromium.new_context()
    context.add_cookies([{**each, "url": f"http://localhost:{server.server_port}"} for each in COOKIES])  # type: ignore[typeddict-item] # it knows no unpacking
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("error=server_error&error_description=Invalid+%3Csaml%3E", 400, "server_error: Invalid <saml>"),
        ("code=c0de&state=another-logins", 404, "copy the whole address of this page"),
        ("code=c0de", 404, "open the sign-in link that your notebook shows"),
    ],
)
def test_the_address_of_a_response_that_is_not_accepted_stays_in_the_address_bar(
    page: Page, server: OAuthCallbackServer, query: str, status: int, text: str
) -> None:
    url = f"http://localhost:{server.server_port}/?{query}"
    response = page.goto(url)
    assert response is not None
    assert response.status == status
    assert text in page.inner_text("body")
    assert page.url == page.evaluate("location.href") == url


def test_a_login_succeeds_with_all_cookies_that_a_browser_can_send_and_its_code_leaves_the_address_bar(
    page: Page, server: OAuthCallbackServer
) -> None:
    response = page.goto(f"http://localhost:{server.server_port}/?code=c0de&state=this-logins")
    assert response is not None
    assert len(response.request.all_headers()["cookie"]) > 10 * 65_536
    assert response.status == 200
    assert page.evaluate("location.href") == f"http://localhost:{server.server_port}/"
