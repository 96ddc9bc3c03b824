"""The sign-ins of one notebook, with the variables and the share that go with them.

`Controller` puts the result of each login in here, and `NotebookState` reuses, changes and ends what is here. It makes
no login and shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...settings import Settings
from ...signin.service import LoginResult, SelectedRole, SignIn
from .login_requests import LoginRequest
from .notebook_share import NotebookShare
from .user_namespace import BoundManager, BoundSession, Variables

if TYPE_CHECKING:
    from ...credentials.manager import CognitoCredentialsManager

_NEXT_SESSION_DELAY = 0.15
"""Seconds until the session of the user's next role is prepared: at once, that would compete with the cell's output."""


class NotebookSignIns:
    """The sign-ins of one notebook, at most one for each configuration.

    Args:
        variables: The variables of the notebook.
        notebook_share: What the notebook shares.

    Attributes:
        on_change: Called, from any thread, when tokens or credentials were refreshed or a sign-in has ended; to be set
            before the first sign-in.
    """

    def __init__(self, variables: Variables, notebook_share: NotebookShare) -> None:
        self._variables = variables
        self._notebook_share = notebook_share
        self._sign_ins: list[SignIn] = []
        self._subscriptions: dict[CognitoCredentialsManager, Callable[[], None]] = {}
        self.on_change: Callable[[], None] = lambda: None

    @property
    def current(self) -> SignIn | None:
        """The sign-in used last."""
        return self._sign_ins[-1] if self._sign_ins else None

    def find(self, settings: Settings) -> SignIn | None:
        """Returns the sign-in that a login with these settings would give."""
        return next((sign_in for sign_in in self._sign_ins if sign_in.matches(settings)), None)

    def set_current(self, sign_in: SignIn) -> None:
        """Makes a sign-in the current one; it replaces an ended one with the same settings."""
        if sign_in.manager not in self._subscriptions:
            self._subscriptions[sign_in.manager] = sign_in.manager.on_change(self.on_change)
        others = [other for other in self._sign_ins if not other.matches(sign_in.settings)]
        self._sign_ins = [*others, sign_in]

    def accept_result(self, result: LoginResult, request: LoginRequest) -> None:
        """Makes the result of a login the current sign-in and sets its variables; may be called from any thread.

        Args:
            result: The result.
            request: What the login was for.

        Raises:
            SettingError: A variable was set to something else during the login; the sign-in is current all the same.
        """
        self.set_current(result.sign_in)
        self._variables.check_names(request.session_name, request.manager_name)
        self.bind_variables(result.sign_in, result.role, request)
        if request.share and result.role is not None:
            self._notebook_share.share_roles(
                result.sign_in, [result.role.role_arn], follow_variable=request.session_name
            )

    def bind_variables(self, sign_in: SignIn, role: SelectedRole | None, request: LoginRequest) -> None:
        """Sets the notebook's variables; a share that follows the session's variable changes its role with it.

        Args:
            sign_in: The sign-in.
            role: The role of the session; None: the session's variable stays as it is.
            request: Names the variables.
        """
        self._variables.bind(request.manager_name, BoundManager(sign_in.manager))
        if role is not None:
            session = BoundSession(role.session, sign_in.manager, role.role_arn, role.region)
            self._variables.bind(request.session_name, session)
            self._notebook_share.on_session_bound(sign_in, request.session_name, role.role_arn)
            if len(sign_in.manager.roles) > 1:
                sign_in.manager.prebuild_session(_NEXT_SESSION_DELAY)

    def remove_all(self) -> list[SignIn]:
        """Removes and returns all sign-ins, and stops listening to their changes."""
        sign_ins, self._sign_ins = self._sign_ins, []
        subscriptions, self._subscriptions = self._subscriptions, {}
        for unsubscribe in subscriptions.values():
            unsubscribe()
        return sign_ins
