"""A page that received a redirect hands its address to every panel of its origin, and so to every kernel."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cognito_jupyter.notebook.model.controller import Phase
from cognito_jupyter.oauth.login import LoginState

from .driver import PanelDriver

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
