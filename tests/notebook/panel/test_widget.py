"""The panel without a browser: what of it could be saved, and how it works in front ends that know only ipywidgets."""

from __future__ import annotations

import asyncio
import html
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import ipywidgets
import pytest
import requests
from ipywidgets.embed import dependency_state

import cognito_jupyter
from cognito_jupyter.errors import LoginError
from cognito_jupyter.notebook.model.controller import Phase, StatusListener
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.panel.content import panel_content
from cognito_jupyter.notebook.panel.html import SignInOptions, sign_in_options
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


def new_threads(name: str, before: set[threading.Thread]) -> set[threading.Thread]:
    """Returns the threads of a name that were started since: an earlier one may still be about to end.

    Args:
        name: The name.
        before: The threads that were there before.
    """
    return {thread for thread in threading.enumerate() if thread.name == name} - before


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
    start_and_wait(driver)
    login = driver.state.controller.login
    assert login is not None
    error = f"{login.redirect_uri}/?error=server_error&error_description=Invalid+<saml>Response"
    page = requests.get(error, timeout=30)
    assert "Invalid &lt;saml&gt;Response" in page.text
    # The time is over now: with a short one it could be before the browser comes.
    login._deadline = 0.0
    login.poll()
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


def test_a_front_end_that_creates_widgets_and_not_the_view_gets_a_panel_without_it(driver: PanelDriver) -> None:
    """Although it shows nothing yet; a late view takes its place after all, and the link leaves the state."""
    start_and_wait(driver)
    assert not driver.panel.alive
    driver.panel._report.value = 1
    wait_until(lambda: driver.panel.alive)
    wait_until(lambda: "authorize?" in widget_state(driver))
    send_to_view(driver, {"alive": True})
    assert driver.panel.alive
    assert secrets_in(widget_state(driver)) == []
    report_drawn(driver)
    assert driver.panel.children[0] is driver.panel._view


def test_a_front_end_that_can_draw_the_view_says_so_before_it_draws_it(driver: PanelDriver) -> None:
    """Then no thread waits for it, and the link is never in a widget's state."""
    send_to_view(driver, {"alive": True})
    before = set(threading.enumerate())
    driver.panel._report.value = 1
    assert (driver.panel.alive, driver.panel.seen) == (True, False)
    assert new_threads("cognito-panel-probe", before) == set()


def test_on_a_remote_kernel_the_panel_gives_the_reason_and_numbers_the_steps(driver: PanelDriver) -> None:
    driver.make_request = lambda: replace(request_for(driver.cognito), remote_reason="it was started by JupyterHub")
    start_and_wait(driver)
    shown = panel_body(driver)
    assert "another computer than this notebook&#x27;s kernel (it was started by JupyterHub)" in shown
    assert shown.index("<b>1.</b>") < shown.index("authorize?") < shown.index("<b>2.</b>") < shown.index("<input")


def test_the_link_comes_first_and_one_line_opens_the_paste_box(driver: PanelDriver) -> None:
    start_and_wait(driver)
    shown = panel_body(driver)
    summary = "<summary>Did the browser show an error page?</summary>"
    assert shown.index("authorize?") < shown.index("<details>") < shown.index(summary) < shown.index("<input")
    assert shown.index("<input") < shown.index("</details>") < shown.index("Time left to sign in")
    assert f"opens <b>{driver.cognito.domain.partition('://')[2]}</b>" in shown


def test_signed_in_it_shows_account_and_region_and_what_to_type(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    shown = panel_body(driver)
    account = driver.cognito.roles["Analyst"].split(":")[4]
    assert f"<dt>Account</dt><dd>{account}</dd><dt>Region</dt><dd>{driver.cognito.region}</dd>" in shown
    assert "<dd><code>session.client(&quot;s3&quot;)</code></dd>" in shown
    assert "renewed automatically" in shown


def test_the_role_of_a_sign_in_with_a_single_one_is_shown_without_a_menu(driver: PanelDriver) -> None:
    driver.cognito.pool.users["demo"] = replace(driver.cognito.demo_user, groups=("Analyst",))
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert "<dt>Role</dt><dd>" in panel_body(driver)
    assert driver.panel._role_menu not in driver.panel.children


def test_a_check_box_shares_the_role_of_the_session_and_ends_the_share(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    panel, share = driver.panel, driver.state.notebook_share
    assert panel._share_box in panel.children
    assert panel._share_box.value is False
    panel._share_box.value = True
    wait_until(lambda: bool(share.roles) and not panel._share_box.disabled)
    assert panel._share_box.value is True
    assert [role.role_arn for role in share.roles] == [driver.cognito.roles["Analyst"]]
    panel._role_menu.value = driver.cognito.roles["Uploader"]
    wait_until(
        lambda: driver.cognito.roles["Uploader"] in [role.role_arn for role in share.roles if role.in_environment]
    )
    wait_until(lambda: driver.state.controller.status.busy is None)
    panel._share_box.value = False
    wait_until(lambda: not share.roles and not panel._share_box.disabled)
    assert panel._share_box.value is False


def test_the_panel_says_whose_role_the_share_takes_the_place_of_while_it_does(
    driver: PanelDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/0a1b")
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert "ECS task" not in panel_body(driver)
    driver.panel._share_box.value = True
    wait_until(lambda: "in place of the role of this ECS task" in panel_body(driver))
    wait_until(lambda: not driver.panel._share_box.disabled)
    driver.panel._share_box.value = False
    wait_until(lambda: "ECS task" not in panel_body(driver))


def test_a_role_that_is_chosen_while_the_share_starts_is_the_one_that_is_shared(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    panel, share, uploader = driver.panel, driver.state.notebook_share, driver.cognito.roles["Uploader"]
    panel._share_box.value = True
    panel._role_menu.value = uploader
    wait_until(lambda: uploader in [role.role_arn for role in share.roles if role.in_environment])


def test_a_share_that_a_magic_starts_and_ends_is_shown_at_once(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    current = driver.state.current
    assert current is not None
    driver.state.notebook_share.share_roles(current, [driver.cognito.roles["Uploader"]])
    assert driver.panel._share_box.value is True
    assert "<dt>Shared</dt><dd>cognito-jupyter-Uploader</dd>" in panel_body(driver)
    driver.state.notebook_share.close()
    assert driver.panel._share_box.value is False


def test_an_action_does_not_wait_until_the_panels_are_drawn(driver: PanelDriver) -> None:
    """A role that changes is one request; to draw a panel takes as long as a request to a server nearby."""
    began = threading.Event()
    began_before_it_was_drawn: list[bool] = []

    class Listener(StatusListener):
        def on_status(self) -> None:
            began_before_it_was_drawn.append(began.wait(30))

    listener = Listener()
    driver.state.controller.subscribe(listener)
    driver.state.controller.run_in_background("Starting to share", began.set)
    wait_until(lambda: driver.state.controller.status.busy is None and len(began_before_it_was_drawn) > 1)
    assert all(began_before_it_was_drawn)


def test_what_an_action_changes_is_drawn_once_with_its_end(driver: PanelDriver) -> None:
    drawn_while_it_ran: list[str] = []
    threads: list[threading.Thread] = []
    running = threading.Event()

    class Listener(StatusListener):
        def on_status(self) -> None:
            if running.is_set() and threading.current_thread().name == "cognito-panel-action":
                drawn_while_it_ran.append(driver.state.controller.status.busy or "")

    def action() -> None:
        threads.append(threading.current_thread())
        running.set()
        for _ in range(3):
            driver.state.controller.notify_listeners()
        running.clear()

    listener = Listener()
    driver.state.controller.subscribe(listener)
    driver.state.controller.run_in_background("Starting to share", action)
    wait_until(lambda: driver.state.controller.status.busy is None)
    threads[0].join()
    assert drawn_while_it_ran == []
    # A change that no action has made is drawn at once.
    running.set()
    thread = threading.Thread(target=driver.state.controller.notify_listeners, name="cognito-panel-action")
    thread.start()
    thread.join()
    assert drawn_while_it_ran == [""]


def test_the_menu_shows_the_role_that_was_chosen_while_it_changes(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    panel, uploader = driver.panel, driver.cognito.roles["Uploader"]
    begun, earlier_action = threading.Event(), threading.Event()

    def action() -> None:
        begun.set()
        earlier_action.wait(60)

    driver.state.controller.run_in_background("Starting to share", action)
    # One that begins after the click would replace its words by its own.
    assert begun.wait(60)
    panel._role_menu.value = uploader
    assert "Switching role" in panel_head(driver)
    assert panel._role_menu.disabled
    assert panel._role_menu.value == uploader
    earlier_action.set()
    wait_until(lambda: not panel._role_menu.disabled)
    bound = driver.state.bound_session
    assert bound is not None
    assert bound.role_arn == panel._role_menu.value == uploader


def test_an_action_that_fails_for_an_unexpected_reason_ends_with_its_first_sentence(driver: PanelDriver) -> None:
    def action() -> None:
        raise OSError(28, "No space left on device")

    driver.state.controller.run_in_background("Starting to share", action)
    wait_until(lambda: driver.state.controller.status.warning is not None)
    assert "No space left on device" in panel_head(driver)
    assert driver.state.controller.status.busy is None


def test_the_panel_of_an_unloaded_extension_says_so_and_starts_nothing(driver: PanelDriver) -> None:
    start_and_wait(driver)
    driver.state.close()
    assert "The extension was unloaded" in panel_head(driver)
    assert "%load_ext cognito_jupyter" in panel_head(driver)
    assert panel_body(driver) == ""
    buttons = [each for each in driver.panel.children if isinstance(each, ipywidgets.Button)]
    assert [(button.description, button.disabled) for button in buttons] == [("The extension is unloaded", True)]
    before = set(threading.enumerate())
    driver.panel.start()
    assert driver.state.controller.status.unloaded
    assert new_threads("cognito-panel-action", before) == set()


def test_a_login_that_is_prepared_while_the_extension_is_unloaded_never_starts(driver: PanelDriver) -> None:
    creating, go = threading.Event(), threading.Event()

    def login(request: LoginRequest, still_wanted: Callable[[], bool]) -> None:
        creating.set()
        assert go.wait(60)
        driver.state.start_login(request, still_wanted)

    driver.state.controller.start_in_background(driver.request, login)
    assert creating.wait(60)
    driver.state.close()
    go.set()
    wait_until(lambda: "cognito-panel-action" not in {thread.name for thread in threading.enumerate()})
    assert driver.state.controller.login_task is None
    assert "The extension was unloaded" in panel_head(driver)


def test_no_rule_of_a_panels_style_applies_to_another_panel(driver: PanelDriver) -> None:
    """A page may hold panels of other kernels, and of other versions of this package."""
    other = LoginPanel(driver.state)
    for panel in (driver.panel, other):
        own_class = panel._dom_classes[1]
        rules = re.sub(r"/\*.*?\*/|@keyframes[^}]*}[^}]*}|@media[^{]*{", "", panel._style, flags=re.DOTALL)
        selectors = [part.strip() for rule in rules.split("}") for part in split_selectors(rule.partition("{")[0])]
        assert len(selectors) > 20
        assert [each for each in selectors if each and not re.match(rf"\.{own_class}(?![\w-])", each)] == []
    assert driver.panel._dom_classes[1] != other._dom_classes[1]


def split_selectors(text: str) -> list[str]:
    return re.split(r",(?![^(]*\))", text)


@pytest.mark.parametrize(
    ("redirect_uri", "shown"),
    [
        ("http://localhost:3000", "http://localhost:3000/?code=…"),
        ("http://localhost:3000/callback", "http://localhost:3000/callback?code=…"),
        ("https://hub.example.org/hub/user-redirect/cognito-jupyter/callback", "https://hub.ex…upyter/callback?code=…"),
        ("https://a-rather-long-name.example.org/callback", "https://a-rather-lon…/callback?code=…"),
    ],
)
def test_the_picture_of_the_address_bar_shows_the_path_of_the_redirect_uri(redirect_uri: str, shown: str) -> None:
    options = SignInOptions("https://example.org/authorize", redirect_uri, None, listening=True)
    section = sign_in_options(options, paste_box=True)
    assert shown in section
    text = re.search(r"<text [^>]*>([^<]*)</text>", section)
    assert text is not None
    assert len(html.unescape(text[1])) <= 45


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
