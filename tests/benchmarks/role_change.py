"""A click on another role in the panel: until the notebook's `session` signs with that role's credentials."""

from __future__ import annotations

import time

from IPython.core.interactiveshell import InteractiveShell

import cognito_jupyter
from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.model.state import NotebookState
from cognito_jupyter.notebook.panel.widget import LoginPanel
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.service import LoginResult, SignIn, select_role

from .arrival import TIMEOUT, load_credentials
from .implementations import signed_in
from .raw import RawClient
from .stage import Stage
from .table import Figure, Group, Reach

_ROUNDS = 9
_PAUSE = 0.3
"""Seconds between two clicks: no user is faster. The raw request waits as long before: processors save power then."""
_POLL_INTERVAL = 0.0003
_ROUND_TRIPS = (0, 40)
_LIMIT = 1.1


def measure_role_change(stage: Stage) -> Group:
    """Measures clicks and raw requests in alternation, so that a slow moment of the machine affects both."""
    return Group(
        "A click on another role, until `session` has its credentials",
        tuple(_measure_at(stage, round_trip) for round_trip in _ROUND_TRIPS),
    )


def _measure_at(stage: Stage, round_trip: int) -> Figure:
    port = stage.port_at(round_trip)
    samples, floor = list[float](), list[float]()
    with stage.environment(port):
        shell = InteractiveShell()  # type: ignore[no-untyped-call]
        cognito_jupyter.load_ipython_extension(shell)
        state: NotebookState = shell.magics_manager.registry["CognitoMagics"].state
        sign_in = SignIn(Settings(stage.configuration(port)), signed_in(cognito_jupyter, stage, port, "everyone"))
        sign_in.manager.prewarm()
        request = LoginRequest(sign_in.settings)
        state.sign_ins.accept_result(LoginResult(sign_in, select_role(sign_in, None, None)), request)
        state.controller.request = request
        panel, raw = LoginPanel(state), RawClient(stage, port)
        sign_in.manager.prebuild_session()  # as a moment after a login
        for role_arn in sign_in.manager.roles[1 : 1 + _ROUNDS]:
            time.sleep(_PAUSE)
            samples.append(_time_click(panel, state, role_arn) * 1e3)
            time.sleep(_PAUSE)
            floor.append(raw.time_credentials(sign_in.manager, role_arn) * 1e3)
        raw.close()
        sign_in.manager.close()
        cognito_jupyter.unload_ipython_extension(shell)
    return Figure(
        f"{round_trip} ms away",
        "ms",
        tuple(samples),
        tuple(floor),
        "one raw GetCredentialsForIdentity",
        (),
        Reach(_LIMIT, "ratio"),
    )


def _time_click(panel: LoginPanel, state: NotebookState, role_arn: str) -> float:
    began = time.perf_counter()
    panel._role_menu.value = role_arn
    while (bound := state.bound_session) is None or bound.role_arn != role_arn:
        if time.perf_counter() - began > TIMEOUT:
            raise RuntimeError(f"The session did not get the role {role_arn}.")
        time.sleep(_POLL_INTERVAL)
    load_credentials(bound.value)
    return time.perf_counter() - began
