"""The panel's states: the chart, the picture of it in the docs, and the code are one; and no state is a dead end."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

from cognito_jupyter.credentials.kept import usual_store
from cognito_jupyter.credentials.store_format import StoredSignIn
from cognito_jupyter.errors import SettingError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.controller import CHART, Phase
from cognito_jupyter.notebook.panel import LoginPanel
from cognito_jupyter.notebook.signin import LoginRequest
from tests.conftest import as_tokens
from tests.notebook.state_chart import PICTURE, ROUTES, draw
from tests.notebook.walk import Walk, request_for
from tests.patience import until_true

WAYS = {(start, end) for start, _, end in CHART}


def test_the_picture_shows_the_chart() -> None:
    """After a change: python -m tests.notebook.state_chart."""
    assert set(ROUTES) == WAYS
    assert PICTURE.read_text(encoding="utf-8") == draw()


def test_from_every_state_a_way_leads_on_and_to_being_signed_in() -> None:
    reached = {Phase.SIGNED_IN}
    for _ in Phase:
        reached |= {start for start, end in WAYS if end in reached}
    assert reached == set(Phase)
    assert {start for start, end in WAYS if start is not end} == set(Phase)


def test_the_panel_goes_every_way_of_the_chart_and_no_other(walk: Walk) -> None:  # noqa: PLR0915 - one walk
    state, controller, cognito = walk.state, walk.state.controller, walk.cognito
    # It cannot start, and then it takes so long that the person gives up.
    walk.find = _missing
    walk.click("Sign in")
    walk.reaches(Phase.OVER)
    released = threading.Event()
    walk.find = lambda: request_for(cognito) if released.wait(60) else _missing()
    walk.click("Try again")
    walk.click("Cancel")
    walk.reaches(Phase.OVER)
    released.set()
    # A wrong address, giving up, a code that Cognito refuses, and the sign-in.
    walk.click("Try again")
    walk.reaches(Phase.WAITING)
    controller.paste("https://example.org/?code=abc&state=def")
    assert controller.standing.phase is Phase.WAITING
    assert "another sign-in" in str(controller.standing.problem)
    walk.click("Cancel")
    walk.reaches(Phase.OVER)
    cognito.knobs.fail("token:authorization_code", status=400, times=1)
    walk.click("Try again")
    walk.signs_in()
    walk.reaches(Phase.OVER)
    walk.click("Try again")
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    # Another role; a sign-in elsewhere, given up for the one of before.
    walk.panel._roles.value = cognito.roles["Uploader"]
    until_true(lambda: state.bound_session is not None and str(state.bound_session.role_arn).endswith("Uploader"))
    walk.reaches(Phase.SIGNED_IN)
    elsewhere = request_for(cognito, settings=replace(request_for(cognito).settings, scopes="openid"))
    until_true(lambda: controller.standing.busy is None)
    state.start_login(elsewhere)
    walk.reaches(Phase.WAITING)
    walk.click("Cancel")
    walk.click("Back to the sign-in of before")
    walk.reaches(Phase.SIGNED_IN)
    # The user pool ends it; the person signs in again, and out.
    assert state.current is not None
    manager, session = state.current.manager, state.bound_session
    assert manager.authenticator is not None
    assert manager.auth_tokens is not None
    manager.authenticator.revoke(manager.auth_tokens["refresh_token"])
    with contextlib.suppress(PermissionError):
        manager.refresh_user_pool_tokens()
    walk.reaches(Phase.ENDED)
    controller.request = request_for(cognito)
    walk.click("Sign in again")
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    assert session is not None
    assert session.value.client("s3").list_objects_v2(Bucket="cognito-jupyter-demo")["KeyCount"] > 0
    walk.click("Sign out")
    walk.reaches(Phase.IDLE)
    # The person stays signed in on this computer: another notebook's panel needs nobody.
    assert _kept_elsewhere(cognito)
    walk.click("Sign in")
    walk.reaches(Phase.SIGNED_IN)
    assert {way for way in walk.visitor.ways if way[0] is not way[1]} == {way for way in WAYS if way[0] is not way[1]}
    assert walk.visitor.dead_ends == []


def _kept_elsewhere(cognito: LocalCognito) -> bool:
    store = usual_store(request_for(cognito).settings)
    store.create(StoredSignIn(as_tokens(cognito.issue_tokens()), None, {}))
    return store.path.exists()


def _missing() -> LoginRequest:
    raise SettingError("client_id is not set.", "Set it.")


def test_two_panels_that_are_clicked_at_once_start_one_sign_in(walk: Walk) -> None:
    second = LoginPanel(walk.state)
    walk.panel._start.click()
    second._start.click()
    walk.signs_in()
    walk.reaches(Phase.SIGNED_IN)
    assert (Phase.WAITING, Phase.STARTING) not in walk.visitor.ways
    until_true(lambda: second.children[-2].description == "Sign out")
