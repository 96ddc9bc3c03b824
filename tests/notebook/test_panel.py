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
from cognito_jupyter.notebook.controller import Phase
from cognito_jupyter.notebook.panel import LoginPanel
from cognito_jupyter.notebook.panel_content import content_of
from cognito_jupyter.notebook.panel_page import in_words
from cognito_jupyter.notebook.signin import LoginRequest
from tests.notebook.walk import Walk, request_for
from tests.patience import until_true

SECRET_PARTS = ("authorize?", "state=", "nonce=", "code_challenge", "code=abc")


def state_of(walk: Walk) -> str:
    """All that a front end would save of the panel."""
    return json.dumps(dependency_state([walk.panel], drop_defaults=False))


def found_in(text: str) -> list[str]:
    return [part for part in SECRET_PARTS if part in text]


def drawn(walk: Walk) -> None:
    """What the face's own code says when a front end has drawn it."""
    walk.panel._face._handle_custom_msg({"seen": True}, [])


def body(walk: Walk) -> str:
    return content_of(walk.state, walk.state.controller.standing, plain=False).body


def waits(walk: Walk) -> str:
    """Lets the panel wait for its person; returns the login's state."""
    walk.click("Sign in")
    walk.reaches(Phase.WAITING)
    login = walk.state.controller.login
    assert login is not None
    return login.authorization_url


def test_no_widget_state_holds_the_link_or_what_is_pasted(walk: Walk) -> None:
    drawn(walk)
    url = waits(walk)
    assert url.replace("&", "&amp;") in body(walk)
    walk.panel._face._handle_custom_msg({"pasted": "https://example.org/?code=abc&state=def"}, [])
    assert "another sign-in" in str(walk.state.controller.standing.problem)
    assert "Cancel" in state_of(walk)
    assert found_in(state_of(walk)) == []
    assert found_in(repr(walk.panel) + str(walk.panel._repr_mimebundle_())) == []
    assert found_in(repr(walk.panel._face)) == []


def test_a_front_end_that_knows_only_ipywidgets_shows_link_and_box_too(walk: Walk) -> None:
    """It ticks and never draws the face; the link leaves the widget state with the end of the sign-in."""
    waits(walk)
    walk.panel._pulse.value = 1
    assert walk.panel.seen
    assert "authorize?" in walk.panel._text.value
    assert walk.panel._paste in walk.panel.children
    walk.panel._paste.value = "https://example.org/?code=abc&state=def"
    assert walk.panel._paste.value == ""
    assert "another sign-in" in walk.panel._text.value
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    until_true(lambda: "You are signed in" in walk.panel._text.value)
    assert walk.panel._paste not in walk.panel.children
    assert found_in(state_of(walk)) == []


def test_where_the_kernel_is_elsewhere_the_panel_says_why_and_puts_the_steps_in_order(walk: Walk) -> None:
    walk.find = lambda: replace(request_for(walk.cognito), distance="it was started by JupyterHub")
    waits(walk)
    shown = body(walk)
    assert "another computer than this notebook&#x27;s kernel (it was started by JupyterHub)" in shown
    assert shown.index("<b>1.</b>") < shown.index("authorize?") < shown.index("<b>2.</b>") < shown.index("<input")


def test_both_ways_are_open_from_the_first_moment(walk: Walk) -> None:
    waits(walk)
    shown = body(walk)
    assert shown.index("authorize?") < shown.index("copy its whole address") < shown.index("<input")
    assert f"opens <b>{walk.cognito.domain.partition('://')[2]}</b>" in shown


def test_signed_in_it_says_what_is_known_of_how_long_that_lasts(walk: Walk) -> None:
    waits(walk)
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    assert "demo (demo@example.org)" in body(walk)
    assert "It lasts until the user pool ends it, 30 days unless set otherwise." in body(walk)
    assert body(walk).count('role="progressbar"') == 1
    walk.state.controller.cancel()
    settings = replace(request_for(walk.cognito).settings, refresh_token_days=30.0)
    walk.click("Sign out")
    walk.reaches(Phase.IDLE)
    walk.state.start_login(request_for(walk.cognito, settings=settings))
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    assert body(walk).count('role="progressbar"') == 2
    assert "Sign-in: " in body(walk)


def test_what_a_person_has_stopped_is_said_and_not_shown_as_a_fault(walk: Walk) -> None:
    waits(walk)
    walk.click("Cancel")
    walk.reaches(Phase.OVER)
    stopped = content_of(walk.state, walk.state.controller.standing, plain=False).head
    assert "The sign-in was stopped." in stopped
    assert "problem" not in stopped
    walk.cognito.knobs.fail("token:authorization_code", status=400, times=1)
    walk.click("Try again")
    walk.signs_in()
    walk.reaches(Phase.OVER)
    assert 'class="problem"' in content_of(walk.state, walk.state.controller.standing, plain=False).head


def test_it_takes_what_every_box_of_ipywidgets_takes(walk: Walk) -> None:
    narrow = LoginPanel(walk.state, layout={"width": "20rem"}, box_style="info")
    assert (narrow.layout.width, narrow.box_style) == ("20rem", "info")
    assert walk.panel.layout.width == "auto"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 minutes"), (60, "1 minute"), (300, "5 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_time_is_said_as_a_person_says_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_taken_name_is_said_before_anybody_signs_in(walk: Walk) -> None:
    walk.state.variables._shell.user_ns["session"] = "my work"
    walk.click("Sign in")
    walk.reaches(Phase.OVER)
    assert "session already holds something else" in str(walk.state.controller.standing.problem)
    del walk.state.variables._shell.user_ns["session"]
    walk.click("Try again")
    walk.reaches(Phase.WAITING)


def test_cancel_while_the_login_is_still_being_made_is_not_forgotten(walk: Walk) -> None:
    """The first login of a kernel imports for a moment, and the button is there already."""
    making, go = threading.Event(), threading.Event()

    def login(request: LoginRequest, wanted: Callable[[], bool]) -> None:
        making.set()
        assert go.wait(60)
        walk.state.start_login(request, wanted)

    walk.state.controller.start(walk.request, login)
    assert making.wait(60)
    walk.click("Cancel")
    walk.reaches(Phase.OVER)
    go.set()
    until_true(lambda: "cognito-panel-action" not in {thread.name for thread in threading.enumerate()})
    assert walk.state.controller.standing.phase is Phase.OVER
    assert walk.state.controller.attempt is None


@pytest.mark.parametrize(
    "use", [cognito_jupyter.LoginPanel, lambda: asyncio.run(cognito_jupyter.login())], ids=["LoginPanel", "login"]
)
def test_outside_a_notebook_it_says_so_and_what_to_use(use: Callable[[], object]) -> None:
    with pytest.raises(LoginError, match=r"needs a notebook.*get_authenticated_cognito_manager"):
        use()
