"""A page that received a redirect hands its address to every panel of its origin, and so to every kernel."""

from __future__ import annotations

import contextlib
import html
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cognito_jupyter.notebook.model.controller import Phase
from cognito_jupyter.notebook.panel.content import panel_content
from cognito_jupyter.oauth.login import LoginState
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE
from tests.support.polling import TEST_TIMEOUT
from tests.support.relay_server import jupyter_server_reached_at
from tests.support.systems import needs_unix_sockets

from .driver import PanelDriver, request_for

PAGE = "https://hub.example/hub/user-redirect/cognito-jupyter/callback"


class View:
    """What view.js does: it sends messages to the kernel, and gets the kernel's."""

    def __init__(self, driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        view = driver.panel._view
        assert view is not None
        self._view = view
        self.received: list[dict[str, Any]] = []
        monkeypatch.setattr(view, "send", self.received.append)

    def hand_over(self, url: object) -> list[dict[str, Any]]:
        self.received.clear()
        self._view._on_message(None, {"relayed": url, "from": "page-1"}, None)
        return [each for each in self.received if "outcome" in each]


@pytest.fixture
def view(driver: PanelDriver, monkeypatch: pytest.MonkeyPatch) -> View:
    return View(driver, monkeypatch)


def waiting_state(driver: PanelDriver) -> str:
    driver.wait_for_phase(Phase.WAITING)
    login = driver.state.controller.login
    assert login is not None
    return parse_qs(urlsplit(login.authorization_url).query)["state"][0]


def test_a_page_of_this_login_ends_it_and_learns_the_outcome(driver: PanelDriver, view: View) -> None:
    driver.click("Sign in")
    query = urlencode({"error": "access_denied", "state": waiting_state(driver)})
    login = driver.state.controller.login
    assert view.hand_over(f"{PAGE}?{query}") == [{"outcome": "error", "to": "page-1"}]
    assert login is not None
    assert login.state is LoginState.DENIED
    driver.wait_for_phase(Phase.UNFINISHED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        PAGE,
        f"{PAGE}?code=c",
        f"{PAGE}?code=c&state=",
        f"{PAGE}?code=c&state=another",
        "?error=x",
        "\ud800?",
        7,
        None,
    ],
)
def test_a_page_of_another_login_gets_no_word_and_changes_nothing(driver: PanelDriver, view: View, url: object) -> None:
    """Not even that this kernel waits; the panel shows no error, as it would for a paste."""
    assert view.hand_over(url) == []
    driver.click("Sign in")
    state = waiting_state(driver)
    assert view.hand_over(url) == []
    assert driver.state.controller.status.warning is None
    assert driver.state.controller.status.phase is Phase.WAITING
    assert waiting_state(driver) == state


def test_the_second_panel_does_not_undo_what_the_first_has_handed_over(driver: PanelDriver, view: View) -> None:
    driver.click("Sign in")
    query = urlencode({"error": "access_denied", "state": waiting_state(driver)})
    assert view.hand_over(f"{PAGE}?{query}")[0]["outcome"] == "error"
    repeated = view.hand_over(f"{PAGE}?{query}")
    assert [each["outcome"] for each in repeated] in (["already finished"], [])
    driver.wait_for_phase(Phase.UNFINISHED)


@pytest.mark.parametrize(
    ("host", "words", "listens"),
    [
        pytest.param("hub.example", None, True, id="reached by browsers", marks=needs_unix_sockets),
        pytest.param(
            "10.0.0.3:8888",
            "It is not known whether your browser comes back to this notebook by itself",
            True,
            id="behind a proxy that hides the host",
            marks=needs_unix_sockets,
        ),
        pytest.param(None, "This kernel's Jupyter server has no relay for the redirect URI", False, id="no relay"),
    ],
)
def test_the_panel_asks_for_a_paste_first_only_where_the_sign_in_may_not_come_back(
    driver: PanelDriver, monkeypatch: pytest.MonkeyPatch, host: str | None, words: str | None, listens: bool
) -> None:
    """JupyterHub is a sign of another machine, and the relay that was found outweighs it."""
    request = request_for(driver.cognito, remote_reason="it was started by JupyterHub")
    pools = replace(request.settings.configuration, redirect_uri=PAGE)
    driver.make_request = lambda: replace(request, settings=replace(request.settings, configuration=pools))
    with contextlib.ExitStack() as stack:
        if host is not None:
            folder = stack.enter_context(jupyter_server_reached_at(host, urlsplit(PAGE).path))
            monkeypatch.setenv(FOLDER_VARIABLE, folder)
            monkeypatch.setattr("cognito_jupyter.oauth.relay.listener._SERVER_TIMEOUT", TEST_TIMEOUT)
        driver.click("Sign in")
        driver.wait_for_phase(Phase.WAITING)
        state = driver.state
        _, body = panel_content(state, state.controller.status, fallback=False)
        login = state.controller.login
        assert login is not None
        assert login.listening is listens
        text = html.unescape(body)
        assert words is None or words in text
        assert ("Sign in by these two steps" in text) is (words is not None)
        assert "you do not need to paste anything" in text or words is None
        state.controller.cancel_login_task()
