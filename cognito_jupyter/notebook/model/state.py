"""What the notebook's shell remembers: who is signed in, what is on its way, and which variables are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...credentials.remembered import load_manager
from ...errors import CognitoError, SignedOutError
from ..display.errors import no_interactive_frontend
from ..display.ipython import display_view
from ..display.login_prompt import LoginPrompt
from ..display.status import status_table
from ..kernel.blocking import Sleep
from ..kernel.frontend import Frontend
from .controller import Controller
from .login_task import LoginTask
from .notebook_share import NotebookShare
from .sign_in import LoginRequest, LoginResult, SelectedRole, SignIn, select_role
from .user_namespace import BoundManager, BoundSession, Variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...credentials.manager import CognitoCredentialsManager
    from ...oauth.authenticator import CognitoOAuthAuthenticator
    from ...settings import Settings
    from ..display.views import View
    from ..panel.widget import LoginPanel


class NotebookState:
    """The state that hangs on one shell.

    Args:
        shell: The shell.
        default_request: What a login without arguments asks for.
        hide_user: Whether name and e-mail stay out of what is shown.

    Attributes:
        variables: The names given to the notebook.
        frontend: Who is there.
        controller: Where the sign-in stands, for everything that shows it.
        notebook_share: What is shared with everything else in the notebook.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        default_request: Callable[[], LoginRequest],
        hide_user: Callable[[], bool] = lambda: False,
    ) -> None:
        self._default_request = default_request
        self._hide_user = hide_user
        self.variables = Variables(shell)
        self.frontend = Frontend(shell)
        self.notebook_share = NotebookShare()
        self._sign_ins: list[SignIn] = []
        self._subscriptions: dict[CognitoCredentialsManager, Callable[[], None]] = {}
        self.controller = Controller(self)

    @property
    def current(self) -> SignIn | None:
        """The sign-in used last."""
        return self._sign_ins[-1] if self._sign_ins else None

    # -- signing in

    async def ensure_signed_in(self, request: LoginRequest, sleep: Sleep) -> None:
        """Makes what is asked for true, by no more than is needed: nothing, another role, or a login.

        Args:
            request: What is asked for.
            sleep: Lets time pass while the person signs in.

        Raises:
            CognitoError: It could not be.
        """
        self.variables.check_names(request.session_name, request.manager_name)
        found = None if request.fresh else self._find(request.settings) or self._restore(request.settings)
        if found is not None:
            try:
                self._reuse(found, request)
            except SignedOutError:
                # By the server, or by time. Whoever can be asked signs in again; else this is the answer.
                if not self.frontend.can_prompt:
                    raise
            else:
                return
        await self._log_in(request, sleep)

    def can_reuse(self, request: LoginRequest) -> bool:
        """Whether a sign-in of this notebook gives what is asked for, without a login."""
        found = self._find(request.settings)
        return found is not None and not found.manager.ended and not request.fresh

    def _find(self, settings: Settings) -> SignIn | None:
        return next((sign_in for sign_in in self._sign_ins if sign_in.matches(settings)), None)

    def _restore(self, settings: Settings) -> SignIn | None:
        sign_in = self.load_remembered(settings)
        if sign_in is not None:
            # Whatever becomes of the role: to choose another one then needs no browser either.
            self.set_current(sign_in)
        return sign_in

    def load_remembered(self, settings: Settings) -> SignIn | None:
        """The sign-in that is kept on this computer, if there is one; no call is made for it."""
        manager = load_manager(settings, _authenticator(settings))
        return SignIn(settings, manager) if manager is not None else None

    def _reuse(self, sign_in: SignIn, request: LoginRequest) -> None:
        sign_in.manager.wait_for_sign_in = request.settings.wait_for_sign_in
        bound = self.variables.get_binding(request.session_name)
        session = bound if isinstance(bound, BoundSession) and bound.manager is sign_in.manager else None
        suffix = request.role_suffix or (session.role_arn if session else None)
        role = select_role(sign_in, suffix, request.settings.session_region)
        manager = self.variables.get_binding(request.manager_name)
        unchanged = session is not None and (session.role_arn, session.region) == (role.role_arn, role.region)
        not_yet_shared = request.share and not self.notebook_share.roles
        silent = unchanged and manager is not None and manager.value is sign_in.manager and not not_yet_shared
        if not silent:
            self.set_current(sign_in)
            self._bind_variables(sign_in, None if unchanged else role, request)
        if not_yet_shared:
            self._share_role(sign_in, role, request)
        self.controller.request = request
        self.controller.reset_status()
        if not silent:
            display_view(self.status_view(sign_in))

    def start_from_button(self) -> None:
        """Starts the login that was asked for last, or the usual one; returns at once."""
        request = self.controller.request
        self.controller.start_in_background(lambda: request or self._default_request(), self.start_login)

    @property
    def bound_session(self) -> BoundSession | None:
        """The session that panels are about: the one asked for last, if it is still ours."""
        request = self.controller.request
        bound = self.variables.get_binding(request.session_name) if request is not None else None
        return bound if isinstance(bound, BoundSession) else None

    def status_view(self, sign_in: SignIn, notes: tuple[str, ...] = ()) -> View:
        """What there is to say about a sign-in, in a cell."""
        shared = self.notebook_share.roles
        return status_table(sign_in, self.variables, notes, shared, hide_user=self.hide_user)

    @property
    def hide_user(self) -> bool:
        """Whether name and e-mail stay out of what is shown."""
        return self._hide_user()

    def start_login(self, request: LoginRequest, still_wanted: Callable[[], bool] = lambda: True) -> LoginTask:
        """Starts a login and returns at once; what comes of it is kept, and every panel shows how it stands.

        Args:
            request: What is asked for.
            still_wanted: Whether anybody still wants it, once it is made.

        Raises:
            LoginCancelledError: Nobody does.
            SettingError: A variable's name is taken; nobody is to sign in for nothing.
        """
        self.variables.check_names(request.session_name, request.manager_name)
        previous = self._find(request.settings)
        return self.controller.start_login_task(
            request,
            lambda: LoginTask(
                request, _authenticator(request.settings), previous, lambda: self.controller.remember_choice
            ),
            still_wanted,
        )

    def accept_result(self, result: LoginResult, request: LoginRequest) -> None:
        """Remembers a sign-in and gives its variables to the notebook, from whatever thread.

        Raises:
            SettingError: A variable has got something else meanwhile; the sign-in is remembered all the same.
        """
        self.set_current(result.sign_in)
        self.variables.check_names(request.session_name, request.manager_name)
        self._bind_variables(result.sign_in, result.role, request)
        if request.share and result.role is not None:
            self._share_role(result.sign_in, result.role, request)

    def change_role(self, role_suffix: str | None, request: LoginRequest) -> None:
        """Changes the session's variable to another role of the sign-in used last.

        Raises:
            CognitoError: It could not be.
        """
        current = self.current
        if current is None:
            return
        self.variables.check_names(request.session_name, request.manager_name)
        self._bind_variables(current, select_role(current, role_suffix, request.settings.session_region), request)

    async def _log_in(self, request: LoginRequest, sleep: Sleep) -> None:
        if not self.frontend.can_prompt:
            raise no_interactive_frontend()
        self.controller.remember_choice = None
        login_task = self.start_login(request)
        conversation = LoginPrompt(self.frontend, request, login_task, self.panel_for_login())
        try:
            await conversation.run(sleep)
        except BaseException:
            login_task.cancel()
            raise
        result = login_task.future.result()
        conversation.finish(self.status_view(result.sign_in, conversation.notes))
        if result.role_error is not None:
            raise result.role_error

    def panel_for_login(self) -> LoginPanel | None:
        """The panel that a login shows beside its text; None where no front end could show it."""
        if not self.frontend.can_update_display:
            return None
        from ..panel.widget import LoginPanel

        return LoginPanel(self)

    def set_current(self, sign_in: SignIn) -> None:
        """As the current one, in place of an ended one with the same settings."""
        if sign_in.manager not in self._subscriptions:
            # Renewed, refreshed, ended by the user pool: whatever happens to it, every panel is to show it.
            self._subscriptions[sign_in.manager] = sign_in.manager.on_change(self.controller.notify_listeners)
        others = [other for other in self._sign_ins if not other.matches(sign_in.settings)]
        self._sign_ins = [*others, sign_in]

    def _bind_variables(self, sign_in: SignIn, role: SelectedRole | None, request: LoginRequest) -> None:
        self.variables.bind(request.manager_name, BoundManager(sign_in.manager))
        if role is not None:
            session = BoundSession(role.session, sign_in.manager, role.role_arn, role.region)
            self.variables.bind(request.session_name, session)
            self.notebook_share.on_session_bound(sign_in, request.session_name, role.role_arn)

    def _share_role(self, sign_in: SignIn, role: SelectedRole, request: LoginRequest) -> None:
        self.notebook_share.share_roles(sign_in, [role.role_arn], follow_variable=request.session_name)

    # -- signing out

    def sign_out_all(self) -> list[str]:
        """Signs all sign-ins out, and takes the variables away whether Cognito could be told or not.

        Returns:
            The names of the variables taken away.

        Raises:
            CognitoError: Cognito could not be told; everything is forgotten here all the same.
        """
        self.notebook_share.close()
        names = self.variables.clear()
        sign_ins, self._sign_ins = self._sign_ins, []
        self._unsubscribe_all()
        failure: CognitoError | None = None
        for sign_in in sign_ins:
            try:
                sign_in.manager.sign_out()
            except CognitoError as error:
                failure = error
        self.controller.reset_status()
        if failure is not None:
            raise failure
        return names

    def close(self) -> None:
        """Ends a login that is on its way and what is shared, and takes the variables away; signs nobody out."""
        self.controller.cancel_login_task()
        self.notebook_share.close()
        self.variables.clear()
        sign_ins, self._sign_ins = self._sign_ins, []
        for sign_in in sign_ins:
            sign_in.manager.close()
        self._unsubscribe_all()
        self.controller.reset_status()

    def _unsubscribe_all(self) -> None:
        subscriptions, self._subscriptions = self._subscriptions, {}
        for unsubscribe in subscriptions.values():
            unsubscribe()


def _authenticator(settings: Settings) -> CognitoOAuthAuthenticator:
    from ...oauth.authenticator import CognitoOAuthAuthenticator

    return CognitoOAuthAuthenticator.from_settings(settings)
