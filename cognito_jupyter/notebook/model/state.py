"""The state of one notebook, which the magics, `cognito_jupyter.login` and the panels share.

It puts the parts of this folder together. It displays nothing; the modules above it do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from IPython.core.interactiveshell import InteractiveShell

from ...credentials.remembered import discard_unusable, load_manager
from ...credentials.roles import shortest_suffixes
from ...errors import CognitoError
from ...oauth.authenticator import CognitoOAuthAuthenticator
from ...settings import Settings
from ...signin.service import SignIn, select_role
from ..kernel.frontend import Frontend
from .controller import Controller, Phase, StatusListener
from .login_requests import LoginRequest
from .login_task import LoginTask
from .notebook_share import NotebookShare
from .sign_ins import NotebookSignIns
from .user_namespace import BoundSession, Variables


class NotebookState:
    """The state that belongs to one shell.

    Args:
        shell: The shell.
        default_request: Makes the request of a login without arguments.
        hide_user: Returns whether name and e-mail are left out of what is shown.

    Attributes:
        hide_user: As above.
        variables: The variables of the notebook.
        frontend: The front end of the kernel.
        notebook_share: What is shared with everything else in the notebook.
        sign_ins: The sign-ins of the notebook.
        controller: Starts and ends logins, and knows the status that every panel shows.
        text_outputs: Show the status in cells of a kernel without widgets; the controller holds its listeners weakly.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        default_request: Callable[[], LoginRequest],
        hide_user: Callable[[], bool] = lambda: False,
    ) -> None:
        self._default_request = default_request
        self.hide_user = hide_user
        self.variables = Variables(shell)
        self.frontend = Frontend(shell)
        self.notebook_share = NotebookShare()
        self.sign_ins = NotebookSignIns(self.variables, self.notebook_share)
        self.controller = Controller(self.sign_ins)
        self.text_outputs: list[StatusListener] = []
        self.notebook_share.on_change = self.controller.notify_listeners

    @property
    def current(self) -> SignIn | None:
        """The sign-in used last."""
        return self.sign_ins.current

    @property
    def bound_session(self) -> BoundSession | None:
        """The session that panels show: that of the last login request, if the variable still holds it."""
        request = self.controller.request
        bound = self.variables.get_binding(request.session_name) if request is not None else None
        return bound if isinstance(bound, BoundSession) else None

    # -- signing in

    def load_remembered(self, settings: Settings) -> SignIn | None:
        """Returns the sign-in remembered on this computer, if there is one; it makes no request."""
        manager = load_manager(settings)
        return SignIn(settings, manager) if manager is not None else None

    def can_reuse(self, request: LoginRequest) -> bool:
        """Returns whether a sign-in of this notebook serves a request without a login."""
        found = self.sign_ins.find(request.settings)
        return found is not None and not found.manager.ended and not request.fresh

    def start_login(self, request: LoginRequest, still_wanted: Callable[[], bool] = lambda: True) -> LoginTask:
        """Starts a login and returns at once. Its result becomes the current sign-in, and every panel shows its status.

        Args:
            request: What the login is for.
            still_wanted: Returns whether the login should still start, after it has been prepared.

        Raises:
            LoginCancelledError: It should not.
            SettingError: A variable's name is in use, so that the user would sign in for nothing.
        """
        self.variables.check_names(request.session_name, request.manager_name)
        login_task = LoginTask(
            request,
            CognitoOAuthAuthenticator.from_settings(request.settings),
            self.sign_ins.find(request.settings),
            lambda: self.controller.remember_choice,
        )
        self.controller.start_login_task(login_task, still_wanted)
        return login_task

    def start_from_button(self) -> None:
        """Starts the login that was requested last, or the default one; returns at once."""
        request = self.controller.request
        if request is not None and self.controller.status.phase is not Phase.UNFINISHED:
            # To switch accounts was for that login; only "Try again" repeats it.
            request = replace(request, switch_account=False)
        self.controller.start_in_background(lambda: request or self._default_request(), self.start_login)

    def change_role(self, role_arn: str, request: LoginRequest) -> None:
        """Sets the session's variable to another role of the current sign-in.

        Args:
            role_arn: The role.
            request: Names the variables.

        Raises:
            CognitoError: The role could not be selected.
        """
        current = self.current
        if current is None:
            return
        self.variables.check_names(request.session_name, request.manager_name)
        # The suffix is what the user saw in the panel; it becomes the manager's `last_role_suffix`.
        (role_suffix,) = shortest_suffixes([role_arn], current.manager.roles)
        role = select_role(current, role_suffix, request.settings.session_region)
        self.sign_ins.bind_variables(current, role, request)

    def share_session_role(self) -> None:
        """Shares the role of the session that panels show, also when that changes.

        Raises:
            CognitoError: The role cannot be shared.
        """
        current, bound, request = self.current, self.bound_session, self.controller.request
        if current is not None and bound is not None and request is not None:
            self.notebook_share.share_roles(current, [bound.role_arn], follow_variable=request.session_name)

    # -- signing out

    def sign_out_all(self) -> list[str]:
        """Signs out all sign-ins, and deletes the variables even if Cognito could not be reached.

        Returns:
            The names of the deleted variables.

        Raises:
            CognitoError: A sign-in could not be revoked at Cognito; here it is signed out all the same.
        """
        self.notebook_share.close()
        names = self.variables.clear()
        failure: CognitoError | None = None
        for sign_in in self.sign_ins.remove_all():
            try:
                sign_in.manager.sign_out()
                discard_unusable(sign_in.settings)
            except CognitoError as error:
                failure = error
        self.controller.reset_status()
        if failure is not None:
            raise failure
        return names

    def close(self) -> None:
        """Ends a running login, the share and all panels, and deletes the variables. It signs out no user."""
        self.controller.cancel_login_task()
        self.notebook_share.close()
        self.variables.clear()
        for sign_in in self.sign_ins.remove_all():
            sign_in.manager.close()
        self.controller.close()
