"""A panel on a remote machine, where a program opens the page on the user's own computer."""

from __future__ import annotations

import pytest
import requests

from cognito_jupyter.notebook.model.controller import Phase
from cognito_jupyter.notebook.panel.content import panel_content

from .driver import PanelDriver, request_for


@pytest.mark.parametrize(
    ("headers", "asks"),
    [({}, False), ({"Host": "name-3000.app.github.dev"}, True)],
    ids=["the same port is forwarded", "a web proxy"],
)
def test_the_two_steps_give_way_to_the_link_once_a_browser_has_reached_the_port(
    driver: PanelDriver, headers: dict[str, str], asks: bool
) -> None:
    driver.make_request = lambda: request_for(driver.cognito, remote_reason="it was started through ssh")
    driver.click("Sign in")
    driver.wait_for_phase(Phase.WAITING)
    state = driver.state
    login = state.controller.login
    assert login is not None

    def two_steps() -> bool:
        return "Sign in by these two steps" in panel_content(state, state.controller.status, fallback=False)[1]

    assert two_steps()
    requests.get(login.start_url(), headers=headers, allow_redirects=False, timeout=30)
    assert two_steps() is asks
    state.controller.cancel_login_task()
