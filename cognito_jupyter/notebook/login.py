"""Signing in from a cell: `%cognito_login` and `await cognito_jupyter.login(...)` run the same coroutine.

It uses a sign-in that is there, or starts a login, shows it and waits for it. `LoginTask` does the work of the login in
a thread; this module only displays and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._util.importing import import_large
from ..errors import LoginError, SettingError, SignedOutError
from ..signin.service import SelectedRole, SignIn, select_role
from .display.errors import captured_output, no_interactive_frontend
from .display.ipython import require_magics
from .display.progress import progress
from .display.status import status_table
from .display.views import View
from .kernel.blocking import FAST_POLL_INTERVAL, POLL_INTERVAL, Sleep
from .kernel.comms import comm_pump
from .kernel.interrupts import interruptible
from .model.login_requests import LoginArguments, LoginRequest
from .model.state import NotebookState
from .model.user_namespace import BoundSession

if TYPE_CHECKING:
    import boto3

    from .kernel.widget_check import WidgetCheck
    from .panel.widget import LoginPanel

_PANEL_MODULE = "cognito_jupyter.notebook.panel.widget"
_CHECK_TIMEOUT = 0.4
"""Seconds that a front end has to say whether it has widgets; without a word from it the panel is tried."""


async def login(  # noqa: PLR0913 - the options of the magic, by the same names
    role_suffix: str | None = None,
    *,
    name: str | None = None,
    manager_name: str | None = None,
    profile: str | None = None,
    identity_provider: str | None = None,
    login_hint: str | None = None,
    paste: bool = False,
    no_browser: bool = False,
    share: bool = False,
    remember: bool = False,
    fresh: bool = False,
    switch_account: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109 - the time that the user has; it ends as an error of its own
) -> boto3.Session:
    """Signs in at Amazon Cognito in a notebook: `session = await cognito_jupyter.login("Analyst")`.

    It does what `%cognito_login` does, with the same settings: it shows the panel, or a link where no widgets are
    shown, and waits until the user has signed in. Run again, it does nothing; with another role it switches to that
    role without a new login. The kernel's event loop keeps running. The notebook gets its variables as from the
    magic.

    Args:
        role_suffix: The end of the name of the role; None: the role of the variable, else the default one.
        name: The variable that gets the session; None: as configured, `session`.
        manager_name: The variable that gets the manager; None: as configured, `cognito`.
        profile: The profile of cognito.toml whose settings are used.
        identity_provider: The user pool's identity provider that signs the user in; None: as configured.
        login_hint: The user name or e-mail address that the sign-in page shows; None: as configured.
        paste: Whether to show the box for the address that the browser ends at, too.
        no_browser: Whether to show the link only, without opening a browser.
        share: Whether to share the role with everything else in the notebook, as `%cognito_share` does.
        remember: Whether to stay signed in on this computer, so that new kernels need no login.
        fresh: Whether to log in even if the user is signed in or remembered on this computer.
        switch_account: Whether to let the user sign in as another one, although the browser remembers somebody.
        timeout: Seconds that the user has; None: as configured, 300.

    Returns:
        The session, whose credentials are refreshed automatically.

    Raises:
        SettingError: A setting or an argument is missing or malformed, or a variable's name is in use (a ValueError).
        LoginError: There is no notebook, or the user did not finish the login (a ConnectionError).
        RefusedError: Cognito refused, or the role is not allowed (a PermissionError).
        UnavailableError: Cognito or AWS could not be reached (a ConnectionError).
    """
    arguments = LoginArguments(
        role_suffix=role_suffix,
        name=name,
        manager_name=manager_name,
        profile=profile,
        identity_provider=identity_provider,
        login_hint=login_hint,
        paste=paste,
        no_browser=no_browser,
        share=share,
        remember=remember,
        fresh=fresh,
        switch_account=switch_account,
        timeout=timeout,
    )
    magics = require_magics("cognito_jupyter.login()")
    with magics.thread_cells.shown_in_own_cell():
        request: LoginRequest = magics.login_request(arguments)
        return await _bound_session(magics.state, request)


async def _bound_session(state: NotebookState, request: LoginRequest) -> boto3.Session:
    """Fulfils a request, and returns the session of its variable."""
    with comm_pump(state.frontend.kernel):
        await _wait_for_login_of_this_cell(state, request)
        await ensure_signed_in(state, request, asyncio.sleep)
    if state.frontend.is_voila and state.controller.login_task is not None:
        raise LoginError(
            "Voila shows what a cell displays only when the cell has ended, so login() cannot wait in it.",
            "Use %cognito_login or cognito_jupyter.LoginPanel(), and create clients after the sign-in.",
        )
    bound = state.variables.get_binding(request.session_name)
    if not isinstance(bound, BoundSession):
        raise SettingError(
            f"The variable {request.session_name} was set to something else during the login.", "Choose another name."
        )
    return bound.value


async def _wait_for_login_of_this_cell(state: NotebookState, request: LoginRequest) -> None:
    """Waits for a login that the same cell is waiting for: a notebook has one at a time, and its result may serve both.

    Raises:
        CognitoError: It failed, and with the same settings another one would fail as well.
    """
    cell_id = state.frontend.cell_id
    while (running := state.controller.login_task) is not None and running.awaited_by == cell_id:
        while not running.done.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(POLL_INTERVAL)
        if running.failure is not None and not running.abandoned and running.request.settings == request.settings:
            raise copy.copy(running.failure)


async def ensure_signed_in(state: NotebookState, request: LoginRequest, sleep: Sleep) -> None:
    """Fulfils a request with as little as possible: nothing, another role, a remembered sign-in, or a login.

    Args:
        state: The notebook's state.
        request: The request.
        sleep: Lets time pass while the user signs in.

    Raises:
        CognitoError: The request could not be fulfilled.
    """
    state.variables.check_names(request.session_name, request.manager_name)
    sign_in = None if request.fresh else state.sign_ins.find(request.settings)
    if sign_in is None and not request.fresh:
        sign_in = state.load_remembered(request.settings)
        if sign_in is not None:
            # Even if the role turns out to be wrong: to choose another one then needs no login.
            state.sign_ins.set_current(sign_in)
    if sign_in is not None:
        try:
            with progress("Selecting the role", can_update=state.frontend.can_update_display) as show, interruptible():
                _reuse(state, sign_in, request, show)
        except SignedOutError:
            if not state.frontend.can_prompt:
                raise
        else:
            return
    await _log_in(state, request, sleep)


def _reuse(state: NotebookState, sign_in: SignIn, request: LoginRequest, show: Callable[[View], None]) -> None:
    """Serves a request from a sign-in that is there; displays it unless nothing changes."""
    manager, region = sign_in.manager, request.settings.session_region
    manager.wait_for_sign_in = request.settings.wait_for_sign_in
    manager.role_selection = request.settings.role_selection
    session = state.variables.bound_session(request.session_name, manager)
    by_token = manager.role_selection == "token"
    if request.role_suffix is None and session is not None and (by_token or session.role_arn is None):
        role_arn = session.role_arn
        role = SelectedRole(role_arn, manager.session_for_role(role_arn, region_name=region), region)
    else:
        role = select_role(sign_in, request.role_suffix, region)
    bound_manager = state.variables.get_binding(request.manager_name)
    unchanged = session is not None and (session.role_arn, session.region) == (role.role_arn, role.region)
    to_share = request.share and not state.notebook_share.roles
    silent = unchanged and bound_manager is not None and bound_manager.value is manager and not to_share
    if not silent:
        state.sign_ins.set_current(sign_in)
        state.sign_ins.bind_variables(sign_in, None if unchanged else role, request)
    if to_share:
        state.notebook_share.share_roles(sign_in, [role.role_arn], follow_variable=request.session_name)
    state.controller.request = request
    state.controller.reset_status()
    if not silent:
        show(status_table(state, sign_in, state.notebook_share.news_about_machine_role()))


def make_panel(state: NotebookState) -> LoginPanel | None:
    """Returns a new panel; None in a kernel that has no ipywidgets, or ones that do not fit.

    Args:
        state: The notebook's state.
    """
    try:
        import_large(_PANEL_MODULE)
        from .panel.widget import LoginPanel
    except ImportError:
        return None
    return LoginPanel(state)


async def panel_for_cell(state: NotebookState, check: WidgetCheck | None, sleep: Sleep) -> LoginPanel | None:
    """Returns a new panel; None where the kernel or its front end has no ipywidgets, or ones that do not fit.

    Args:
        state: The notebook's state.
        check: Begun before; None: there is nothing to find out about the front end.
        sleep: Lets time pass.
    """
    until = time.monotonic() + _CHECK_TIMEOUT
    with contextlib.suppress(ImportError):
        # It takes longer than most front ends take to reply.
        import_large(_PANEL_MODULE)
    while check is not None and check.found is None and time.monotonic() < until:
        await sleep(FAST_POLL_INTERVAL)
    return None if check is not None and check.found is False else make_panel(state)


async def _log_in(state: NotebookState, request: LoginRequest, sleep: Sleep) -> None:
    frontend = state.frontend
    if not (frontend.can_prompt or frontend.is_voila):
        raise no_interactive_frontend()
    if frontend.output_is_captured:
        raise captured_output()
    # Late: a sign-in that is there, or is remembered, needs no login.
    from .display.login_prompt import LoginPrompt
    from .display.panel_output import show_panel
    from .kernel.widget_check import widget_check

    started = time.monotonic()
    state.controller.remember_choice = None
    panel = None
    with widget_check(frontend) as check:
        login_task = state.start_login(request)
        try:
            panel = await panel_for_cell(state, check, sleep) if frontend.can_update_display else None
        except BaseException as error:
            login_task.abandoned = isinstance(error, asyncio.CancelledError)
            login_task.cancel()
            raise
    try:
        if frontend.is_voila:
            show_panel(state, panel)
            return
        login_task.awaited_by = frontend.cell_id
        prompt = LoginPrompt(frontend, request, login_task, started, panel)
        await prompt.run(sleep)
    except BaseException as error:
        login_task.abandoned = isinstance(error, asyncio.CancelledError)
        login_task.cancel()
        raise
    finally:
        if panel is not None and not frontend.is_voila:
            panel.stop_probing()
    result = login_task.future.result()
    warning = (str(result.warning),) if result.warning is not None else ()
    notes = (*prompt.notes, *warning, *state.notebook_share.news_about_machine_role())
    prompt.finish(status_table(state, result.sign_in, notes))
    if result.role_error is not None:
        raise result.role_error
