"""The panel's states: chart, picture in the docs and code agree, and no state is a dead end."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

from cognito_jupyter.credentials.remembered import default_store
from cognito_jupyter.credentials.store.sign_in import StoredSignIn
from cognito_jupyter.errors import SettingError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.model.controller import TRANSITIONS, Phase
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.panel.widget import LoginPanel
from tests.conftest import as_tokens
from tests.support.polling import wait_until

from .driver import PanelDriver, request_for
from .state_chart import PICTURE, ROUTES, draw

TRANSITION_PAIRS = {(start, end) for start, _, end in TRANSITIONS}


def test_the_picture_shows_the_chart() -> None:
    """After a change: python -m tests.notebook.panel.state_chart."""
    assert set(ROUTES) == TRANSITION_PAIRS
    assert PICTURE.read_text(encoding="utf-8") == draw()


def test_every_state_can_be_left_and_leads_to_signed_in() -> None:
    reached = {Phase.SIGNED_IN}
    for _ in Phase:
        reached |= {start for start, end in TRANSITION_PAIRS if end in reached}
    assert reached == set(Phase)
    assert {start for start, end in TRANSITION_PAIRS if start is not end} == set(Phase)


def test_the_panel_makes_every_transition_of_the_chart_and_no_other(driver: PanelDriver) -> None:  # noqa: PLR0915 - one path through the chart
    state, controller, cognito = driver.state, driver.state.controller, driver.cognito
    # It cannot start; then it takes so long that the user cancels.
    driver.make_request = _missing_setting
    driver.click("Sign in")
    driver.wait_for_phase(Phase.UNFINISHED)
    released = threading.Event()
    driver.make_request = lambda: request_for(cognito) if released.wait(60) else _missing_setting()
    driver.click("Try again")
    driver.click("Cancel")
    driver.wait_for_phase(Phase.UNFINISHED)
    released.set()
    # A wrong address, a cancelled login, a code that Cognito refuses, and the sign-in.
    driver.click("Try again")
    driver.wait_for_phase(Phase.WAITING)
    controller.submit_pasted_url("https://example.org/?code=abc&state=def")
    assert controller.status.phase is Phase.WAITING
    assert "another sign-in" in str(controller.status.warning)
    driver.click("Cancel")
    driver.wait_for_phase(Phase.UNFINISHED)
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=400, times=1)
    driver.click("Try again")
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.UNFINISHED)
    driver.click("Try again")
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    # Another role; a login with other settings, cancelled for the previous sign-in.
    driver.panel._role_menu.value = cognito.roles["Uploader"]
    wait_until(lambda: state.bound_session is not None and str(state.bound_session.role_arn).endswith("Uploader"))
    driver.wait_for_phase(Phase.SIGNED_IN)
    elsewhere = request_for(cognito, settings=replace(request_for(cognito).settings, scopes="openid"))
    wait_until(lambda: controller.status.busy is None)
    state.start_login(elsewhere)
    driver.wait_for_phase(Phase.WAITING)
    driver.click("Cancel")
    driver.click("Back to the previous sign-in")
    driver.wait_for_phase(Phase.SIGNED_IN)
    # The user pool ends it; the user signs in again, and out.
    assert state.current is not None
    manager, session = state.current.manager, state.bound_session
    assert manager.authenticator is not None
    assert manager.auth_tokens is not None
    manager.authenticator.revoke(manager.auth_tokens["refresh_token"])
    with contextlib.suppress(PermissionError):
        manager.refresh_user_pool_tokens()
    driver.wait_for_phase(Phase.ENDED)
    controller.request = request_for(cognito)
    driver.click("Sign in again")
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert session is not None
    assert session.value.client("s3").list_objects_v2(Bucket="cognito-jupyter-demo")["KeyCount"] > 0
    driver.click("Sign out")
    driver.wait_for_phase(Phase.IDLE)
    # The user is remembered on this computer: another notebook's panel needs no login.
    assert _remember_sign_in(cognito)
    driver.click("Sign in")
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert {way for way in driver.recorder.transitions if way[0] is not way[1]} == {
        way for way in TRANSITION_PAIRS if way[0] is not way[1]
    }
    assert driver.recorder.dead_ends == []


def _remember_sign_in(cognito: LocalCognito) -> bool:
    store = default_store(request_for(cognito).settings)
    store.save_new(StoredSignIn(as_tokens(cognito.issue_tokens()), None, {}))
    return store.path.exists()


def _missing_setting() -> LoginRequest:
    raise SettingError("client_id is not set.", "Set it.")


def test_two_panels_that_are_clicked_at_once_start_one_sign_in(driver: PanelDriver) -> None:
    second = LoginPanel(driver.state)
    driver.panel._sign_in_button.click()
    second._sign_in_button.click()
    driver.complete_sign_in()
    driver.wait_for_phase(Phase.SIGNED_IN)
    assert (Phase.WAITING, Phase.STARTING) not in driver.recorder.transitions
    wait_until(lambda: second.children[-2].description == "Sign out")
