"""The panel without a browser: what of it could be saved, and what it does in front ends that know only ipywidgets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from ipywidgets.embed import dependency_state

import cognito_jupyter
from cognito_jupyter.errors import LoginError
from cognito_jupyter.notebook.model.controller import Phase
from cognito_jupyter.notebook.model.sign_in import LoginRequest
from cognito_jupyter.notebook.panel.content import panel_content
from cognito_jupyter.notebook.panel.html import format_duration
from cognito_jupyter.notebook.panel.widget import LoginPanel
from tests.notebook.walk import PanelDriver, request_for
from tests.support.polling import wait_until

SECRET_PARTS = ("authorize?", "state=", "nonce=", "code_challenge", "code=abc")


def widget_state(walk: PanelDriver) -> str:
    """All that a front end would save of the panel."""
    return json.dumps(dependency_state([walk.panel], drop_defaults=False))


def secrets_in(text: str) -> list[str]:
    return [part for part in SECRET_PARTS if part in text]


def report_drawn(walk: PanelDriver) -> None:
    """What the face's own code says when a front end has drawn it."""
    walk.panel._view._handle_custom_msg({"seen": True}, [])


def panel_body(walk: PanelDriver) -> str:
    return panel_content(walk.state, walk.state.controller.status, fallback=False).body


def start_and_wait(walk: PanelDriver) -> str:
    """Lets the panel wait for its person; returns the login's state."""
    walk.click("Sign in")
    walk.wait_for_phase(Phase.WAITING)
    login = walk.state.controller.login
    assert login is not None
    return login.authorization_url


def test_no_widget_state_holds_the_link_or_what_is_pasted(walk: PanelDriver) -> None:
    report_drawn(walk)
    url = start_and_wait(walk)
    assert url.replace("&", "&amp;") in panel_body(walk)
    walk.panel._view._handle_custom_msg({"pasted": "https://example.org/?code=abc&state=def"}, [])
    assert "another sign-in" in str(walk.state.controller.status.warning)
    assert "Cancel" in widget_state(walk)
    assert secrets_in(widget_state(walk)) == []
    assert secrets_in(repr(walk.panel) + str(walk.panel._repr_mimebundle_())) == []
    assert secrets_in(repr(walk.panel._view)) == []


def test_a_front_end_that_knows_only_ipywidgets_shows_link_and_box_too(walk: PanelDriver) -> None:
    """It ticks and never draws the face; the link leaves the widget state with the end of the sign-in."""
    start_and_wait(walk)
    walk.panel._probe.value = 1
    assert walk.panel.seen
    assert "authorize?" in walk.panel._fallback_html.value
    assert walk.panel._fallback_paste_field in walk.panel.children
    walk.panel._fallback_paste_field.value = "https://example.org/?code=abc&state=def"
    assert walk.panel._fallback_paste_field.value == ""
    assert "another sign-in" in walk.panel._fallback_html.value
    walk.complete_sign_in()
    walk.wait_for_phase(Phase.SIGNED_IN)
    wait_until(lambda: "You are signed in" in walk.panel._fallback_html.value)
    assert walk.panel._fallback_paste_field not in walk.panel.children
    assert secrets_in(widget_state(walk)) == []


def test_on_a_remote_kernel_the_panel_gives_the_reason_and_numbers_the_steps(walk: PanelDriver) -> None:
    walk.make_request = lambda: replace(request_for(walk.cognito), remote_reason="it was started by JupyterHub")
    start_and_wait(walk)
    shown = panel_body(walk)
    assert "another computer than this notebook&#x27;s kernel (it was started by JupyterHub)" in shown
    assert shown.index("<b>1.</b>") < shown.index("authorize?") < shown.index("<b>2.</b>") < shown.index("<input")


def test_link_and_paste_box_are_shown_from_the_start(walk: PanelDriver) -> None:
    start_and_wait(walk)
    shown = panel_body(walk)
    assert shown.index("authorize?") < shown.index("copy its whole address") < shown.index("<input")
    assert f"opens <b>{walk.cognito.domain.partition('://')[2]}</b>" in shown


def test_signed_in_it_shows_how_long_the_sign_in_lasts(walk: PanelDriver) -> None:
    start_and_wait(walk)
    walk.complete_sign_in()
    walk.wait_for_phase(Phase.SIGNED_IN)
    assert "demo (demo@example.org)" in panel_body(walk)
    assert "It lasts until the user pool ends it, 30 days unless set otherwise." in panel_body(walk)
    assert panel_body(walk).count('role="progressbar"') == 1
    walk.state.controller.cancel_login_task()
    settings = replace(request_for(walk.cognito).settings, refresh_token_days=30.0)
    walk.click("Sign out")
    walk.wait_for_phase(Phase.IDLE)
    walk.state.start_login(request_for(walk.cognito, settings=settings))
    walk.complete_sign_in()
    walk.wait_for_phase(Phase.SIGNED_IN)
    assert panel_body(walk).count('role="progressbar"') == 2
    assert "Sign-in: " in panel_body(walk)


def test_a_cancelled_sign_in_is_not_shown_as_an_error(walk: PanelDriver) -> None:
    start_and_wait(walk)
    walk.click("Cancel")
    walk.wait_for_phase(Phase.UNFINISHED)
    stopped = panel_content(walk.state, walk.state.controller.status, fallback=False).head
    assert "The sign-in was stopped." in stopped
    assert "problem" not in stopped
    walk.cognito.knobs.fail("token:authorization_code", status=400, times=1)
    walk.click("Try again")
    walk.complete_sign_in()
    walk.wait_for_phase(Phase.UNFINISHED)
    assert 'class="problem"' in panel_content(walk.state, walk.state.controller.status, fallback=False).head


def test_it_accepts_the_options_of_an_ipywidgets_box(walk: PanelDriver) -> None:
    narrow = LoginPanel(walk.state, layout={"width": "20rem"}, box_style="info")
    assert (narrow.layout.width, narrow.box_style) == ("20rem", "info")
    assert walk.panel.layout.width == "auto"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 minutes"), (60, "1 minute"), (300, "5 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_durations_are_written_in_words(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_a_variable_in_use_is_reported_before_the_sign_in(walk: PanelDriver) -> None:
    walk.state.variables._shell.user_ns["session"] = "my work"
    walk.click("Sign in")
    walk.wait_for_phase(Phase.UNFINISHED)
    assert "session already holds something else" in str(walk.state.controller.status.warning)
    del walk.state.variables._shell.user_ns["session"]
    walk.click("Try again")
    walk.wait_for_phase(Phase.WAITING)


def test_cancel_while_the_login_is_being_created_takes_effect(walk: PanelDriver) -> None:
    """The first login of a kernel imports for a moment, and the button is there already."""
    creating, go = threading.Event(), threading.Event()

    def login(request: LoginRequest, wanted: Callable[[], bool]) -> None:
        creating.set()
        assert go.wait(60)
        walk.state.start_login(request, wanted)

    walk.state.controller.start_in_background(walk.request, login)
    assert creating.wait(60)
    walk.click("Cancel")
    walk.wait_for_phase(Phase.UNFINISHED)
    go.set()
    wait_until(lambda: "cognito-panel-action" not in {thread.name for thread in threading.enumerate()})
    assert walk.state.controller.status.phase is Phase.UNFINISHED
    assert walk.state.controller.login_task is None


@pytest.mark.parametrize(
    "use", [cognito_jupyter.LoginPanel, lambda: asyncio.run(cognito_jupyter.login())], ids=["LoginPanel", "login"]
)
def test_outside_a_notebook_the_error_names_the_alternative(use: Callable[[], object]) -> None:
    with pytest.raises(LoginError, match=r"needs a notebook.*get_authenticated_cognito_manager"):
        use()
