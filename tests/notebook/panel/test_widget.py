"""The panel without a browser: what of it could be saved, and how it works in front ends that know only ipywidgets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import requests
from ipywidgets.embed import dependency_state

import cognito_jupyter
from cognito_jupyter.errors import LoginError
from cognito_jupyter.notebook.model.controller import Phase
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.panel.content import panel_content
from cognito_jupyter.notebook.panel.widget import LoginPanel
from tests.support.polling import wait_until

from .driver import PanelDriver, request_for

SECRET_PARTS = ("authorize?", "state=", "nonce=", "code_challenge", "code=abc")


def widget_state(driver: PanelDriver) -> str:
    """Returns all that a front end would save of the panel."""
    return json.dumps(dependency_state([driver.panel], drop_defaults=False))


def secrets_in(text: str) -> list[str]:
    return [part for part in SECRET_PARTS if part in text]


def report_drawn(driver: PanelDriver) -> None:
    """Sends what view.js sends when a front end has drawn the view."""
    send_to_view(driver, {"seen": True})


def send_to_view(driver: PanelDriver, message: dict[str, object]) -> None:
    """Sends what view.js sends."""
    view = driver.panel._view
    assert view is not None
    view._handle_custom_msg(message, [])


def panel_head(driver: PanelDriver) -> str:
    return panel_content(driver.state, driver.state.controller.status, fallback=False)[0]


def panel_body(driver: PanelDriver) -> str:
    return panel_content(driver.state, driver.state.controller.status, fallback=False)[1]


def start_and_wait(driver: PanelDriver) -> str:
    """Starts a login by its button; returns its authorization URL."""
    driver.click("Sign in")
    return authorization_url(driver)


def authorization_url(driver: PanelDriver) -> str:
    """Waits until a login is waiting for the user; returns its authorization URL."""
    driver.wait_for_phase(Phase.WAITING)
    login = driver.state.controller.login
    assert login is not None
    return login.authorization_url


def test_no_widget_state_holds_the_link_or_what_is_pasted(driver: PanelDriver) -> None:
    report_drawn(driver)
    url = start_and_wait(driver)
    assert url.replace("&", "&amp;") in panel_body(driver)
    send_to_view(driver, {"pasted": "https://example.org/?code=abc&state=def"})
    assert "another sign-in" in str(driver.state.controller.status.warning)
    assert "Cancel" in widget_state(driver)
    assert secrets_in(widget_state(driver)) == []
    assert secrets_in(repr(driver.panel) + str(driver.panel._repr_mimebundle_())) == []
    assert secrets_in(repr(driver.panel._view)) == []


def test_where_the_user_name_is_an_id_the_panel_names_the_user_by_the_e_mail_address(driver: PanelDriver) -> None:
    driver.cognito.knobs.username_is_sub = True
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert "demo@example.org" in panel_body(driver)
    assert driver.cognito.demo_user.sub not in panel_body(driver)


def test_the_panel_offers_a_role_that_was_granted_after_the_sign_in(driver: PanelDriver) -> None:
    """As soon as any refresh of the tokens has brought it."""
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    cognito, current = driver.cognito, driver.state.current
    cognito.pool.users["demo"] = replace(cognito.demo_user, groups=("Admin", "Analyst", "Uploader"))
    assert current is not None
    current.manager.refresh_user_pool_tokens()
    assert "Admin" in widget_state(driver)
    driver.state.change_role(cognito.roles["Admin"], driver.request())
    bound = driver.state.bound_session
    assert bound is not None
    assert bound.role_arn == cognito.roles["Admin"]


def test_a_panel_shows_that_switching_accounts_signed_in_the_same_user(driver: PanelDriver) -> None:
    """A later sign-in by its button is an ordinary one."""
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    driver.state.start_login(request_for(driver.cognito, fresh=True, switch_account=True))
    assert "prompt=login" in authorization_url(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert "the same user as before" in panel_head(driver)
    driver.click("Sign out")
    driver.wait_for_phase(Phase.IDLE)
    assert "prompt=" not in start_and_wait(driver)


def test_a_cancelled_switch_of_accounts_is_one_when_it_is_tried_again(driver: PanelDriver) -> None:
    driver.state.start_login(request_for(driver.cognito, fresh=True, switch_account=True))
    assert "prompt=login" in authorization_url(driver)
    driver.click("Cancel")
    driver.wait_for_phase(Phase.UNFINISHED)
    driver.click("Try again")
    assert "prompt=login" in authorization_url(driver)


def test_a_port_in_use_is_no_second_step_when_the_next_one_is_free(driver: PanelDriver) -> None:
    port = int(driver.cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        start_and_wait(driver)
        assert "in use" not in panel_body(driver)
        assert "two steps" not in panel_body(driver)
        driver.complete_sign_in()
        driver.wait_for_phase(Phase.SIGNED_IN)


def test_an_error_that_the_browser_brought_is_named_when_the_login_times_out(driver: PanelDriver) -> None:
    """Cognito had no state to send with it, so the login went on."""
    request = request_for(driver.cognito)
    driver.make_request = lambda: replace(request, settings=replace(request.settings, timeout=1.5))
    start_and_wait(driver)
    login = driver.state.controller.login
    assert login is not None
    page = requests.get(f"{login.redirect_uri}/?error=server_error&error_description=Invalid+<saml>Response", timeout=5)
    assert "Invalid &lt;saml&gt;Response" in page.text
    driver.wait_for_phase(Phase.UNFINISHED)
    assert "came back with an error (server_error: Invalid &lt;saml&gt;Response)" in panel_head(driver)


def test_a_front_end_that_knows_only_ipywidgets_shows_link_and_box_too(driver: PanelDriver) -> None:
    """It plays the probe and never draws the view; at the end of the login the link leaves the widget state."""
    start_and_wait(driver)
    driver.panel._probe.value = 1
    assert driver.panel.seen
    assert "authorize?" in driver.panel._fallback_html.value
    assert driver.panel._fallback_paste_field in driver.panel.children
    driver.panel._fallback_paste_field.value = "https://example.org/?code=abc&state=def"
    assert driver.panel._fallback_paste_field.value == ""
    assert "another sign-in" in driver.panel._fallback_html.value
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    wait_until(lambda: "You are signed in" in driver.panel._fallback_html.value)
    assert driver.panel._fallback_paste_field not in driver.panel.children
    assert secrets_in(widget_state(driver)) == []


def test_on_a_remote_kernel_the_panel_gives_the_reason_and_numbers_the_steps(driver: PanelDriver) -> None:
    driver.make_request = lambda: replace(request_for(driver.cognito), remote_reason="it was started by JupyterHub")
    start_and_wait(driver)
    shown = panel_body(driver)
    assert "another computer than this notebook&#x27;s kernel (it was started by JupyterHub)" in shown
    assert shown.index("<b>1.</b>") < shown.index("authorize?") < shown.index("<b>2.</b>") < shown.index("<input")


def test_link_and_paste_box_are_shown_from_the_start(driver: PanelDriver) -> None:
    start_and_wait(driver)
    shown = panel_body(driver)
    assert shown.index("authorize?") < shown.index("copy its whole address") < shown.index("<input")
    assert f"opens <b>{driver.cognito.domain.partition('://')[2]}</b>" in shown


def test_signed_in_it_shows_how_long_the_sign_in_lasts(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert "demo (demo@example.org)" in panel_body(driver)
    assert "You stay signed in for up to 30 days, unless your organisation set another limit." in panel_body(driver)
    assert panel_body(driver).count('role="progressbar"') == 1
    driver.state.controller.cancel_login_task()
    settings = replace(request_for(driver.cognito).settings, refresh_token_days=30.0)
    driver.click("Sign out")
    driver.wait_for_phase(Phase.IDLE)
    driver.state.start_login(request_for(driver.cognito, settings=settings))
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert panel_body(driver).count('role="progressbar"') == 2
    assert "Sign-in: " in panel_body(driver)


def test_a_cancelled_sign_in_is_not_shown_as_an_error(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.click("Cancel")
    driver.wait_for_phase(Phase.UNFINISHED)
    stopped = panel_head(driver)
    assert "The sign-in was stopped." in stopped
    assert "problem" not in stopped
    driver.cognito.knobs.fail(driver.cognito.CODE_EXCHANGE, status=400, times=1)
    driver.click("Try again")
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.UNFINISHED)
    assert 'class="problem"' in panel_head(driver)


def test_it_accepts_the_options_of_an_ipywidgets_box(driver: PanelDriver) -> None:
    narrow = LoginPanel(driver.state, layout={"width": "20rem"}, box_style="info")
    assert (narrow.layout.width, narrow.box_style) == ("20rem", "info")
    assert driver.panel.layout.width == "auto"


def test_a_variable_in_use_is_reported_before_the_sign_in(driver: PanelDriver) -> None:
    driver.state.variables._shell.user_ns["session"] = "my work"
    driver.click("Sign in")
    driver.wait_for_phase(Phase.UNFINISHED)
    assert "session already holds something else" in str(driver.state.controller.status.warning)
    del driver.state.variables._shell.user_ns["session"]
    driver.click("Try again")
    driver.wait_for_phase(Phase.WAITING)


def test_cancel_while_the_login_is_being_created_takes_effect(driver: PanelDriver) -> None:
    """The first login of a kernel imports for a moment, while the button is already there."""
    creating, go = threading.Event(), threading.Event()

    def login(request: LoginRequest, still_wanted: Callable[[], bool]) -> None:
        creating.set()
        assert go.wait(60)
        driver.state.start_login(request, still_wanted)

    driver.state.controller.start_in_background(driver.request, login)
    assert creating.wait(60)
    driver.click("Cancel")
    driver.wait_for_phase(Phase.UNFINISHED)
    go.set()
    wait_until(lambda: "cognito-panel-action" not in {thread.name for thread in threading.enumerate()})
    assert driver.state.controller.status.phase is Phase.UNFINISHED
    assert driver.state.controller.login_task is None


@pytest.mark.parametrize(
    "use", [cognito_jupyter.LoginPanel, lambda: asyncio.run(cognito_jupyter.login())], ids=["LoginPanel", "login"]
)
def test_outside_a_notebook_the_error_names_the_alternative(use: Callable[[], object]) -> None:
    with pytest.raises(LoginError, match=r"needs a notebook.*get_authenticated_cognito_manager"):
        use()
