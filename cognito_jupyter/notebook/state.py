"""What the notebook's shell remembers: who is signed in, what is on its way, and which variables are ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..credentials.kept import restored
from ..errors import CognitoError, SignedOutError
from .attempt import Attempt
from .controller import Controller
from .conversation import Conversation
from .failure import nobody_to_ask
from .frontend import Frontend
from .ipython import show
from .shared import NotebookShare
from .signin import LoginRequest, Outcome, Role, SignIn, take_role
from .status import status_table
from .variables import BoundManager, BoundSession, Variables
from .waiting import Pause

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..config import Settings
    from ..credentials.manager import CognitoCredentialsManager
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from .display import View
    from .panel import LoginPanel


class NotebookState:
    """The state that hangs on one shell.

    Args:
        shell: The shell.
        usual_request: What a login without arguments asks for.
        hides_person: Whether name and e-mail stay out of what is shown.

    Attributes:
        variables: The names given to the notebook.
        frontend: Who is there.
        controller: Where the sign-in stands, for everything that shows it.
        shared: What is shared with everything else in the notebook.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        usual_request: Callable[[], LoginRequest],
        hides_person: Callable[[], bool] = lambda: False,
    ) -> None:
        self._usual_request = usual_request
        self._hides_person = hides_person
        self.variables = Variables(shell)
        self.frontend = Frontend(shell)
        self.shared = NotebookShare()
        self._sign_ins: list[SignIn] = []
        self._followed: dict[CognitoCredentialsManager, Callable[[], None]] = {}
        self.controller = Controller(self)

    @property
    def current(self) -> SignIn | None:
        """The sign-in used last."""
        return self._sign_ins[-1] if self._sign_ins else None

    # -- signing in

    async def sign_in(self, request: LoginRequest, pause: Pause) -> None:
        """Makes what is asked for true, by no more than is needed: nothing, another role, or a login.

        Args:
            request: What is asked for.
            pause: Lets time pass while the person signs in.

        Raises:
            CognitoError: It could not be.
        """
        self.variables.check(request.session_name, request.manager_name)
        held = None if request.fresh else self._held(request.settings) or self._taken(request.settings)
        if held is not None:
            try:
                self._use(held, request)
            except SignedOutError:
                # By the server, or by time. Whoever can be asked signs in again; else this is the answer.
                if not self.frontend.can_ask:
                    raise
            else:
                return
        await self._log_in(request, pause)

    def serves(self, request: LoginRequest) -> bool:
        """Whether a sign-in of this notebook gives what is asked for, without a login."""
        held = self._held(request.settings)
        return held is not None and not held.manager.ended and not request.fresh

    def _held(self, settings: Settings) -> SignIn | None:
        return next((sign_in for sign_in in self._sign_ins if sign_in.serves(settings)), None)

    def _taken(self, settings: Settings) -> SignIn | None:
        sign_in = self.kept(settings)
        if sign_in is not None:
            # Whatever becomes of the role: to choose another one then needs no browser either.
            self.remember(sign_in)
        return sign_in

    def kept(self, settings: Settings) -> SignIn | None:
        """The sign-in that is kept on this computer, if there is one; no call is made for it."""
        manager = restored(settings, _authenticator(settings))
        return SignIn(settings, manager) if manager is not None else None

    def _use(self, sign_in: SignIn, request: LoginRequest) -> None:
        sign_in.manager.wait_for_sign_in = request.settings.wait_for_sign_in
        bound = self.variables.get(request.session_name)
        session = bound if isinstance(bound, BoundSession) and bound.manager is sign_in.manager else None
        suffix = request.role_suffix or (session.role_arn if session else None)
        role = take_role(sign_in, suffix, request.settings.session_region)
        manager = self.variables.get(request.manager_name)
        unchanged = session is not None and (session.role_arn, session.region) == (role.arn, role.region)
        unshared = request.share and not self.shared.roles
        silent = unchanged and manager is not None and manager.value is sign_in.manager and not unshared
        if not silent:
            self.remember(sign_in)
            self._bind(sign_in, None if unchanged else role, request)
        if unshared:
            self._share_role(sign_in, role, request)
        self.controller.request = request
        self.controller.settle()
        if not silent:
            show(self.status(sign_in))

    def start_by_button(self) -> None:
        """Starts the login that was asked for last, or the usual one; returns at once."""
        request = self.controller.request
        self.controller.start(lambda: request or self._usual_request(), self.start_login)

    @property
    def bound_session(self) -> BoundSession | None:
        """The session that panels are about: the one asked for last, if it is still ours."""
        request = self.controller.request
        bound = self.variables.get(request.session_name) if request is not None else None
        return bound if isinstance(bound, BoundSession) else None

    def status(self, sign_in: SignIn, notes: tuple[str, ...] = ()) -> View:
        """What there is to say about a sign-in, in a cell."""
        shared = self.shared.roles
        return status_table(sign_in, self.variables, notes, shared, hides_person=self.hides_person)

    @property
    def hides_person(self) -> bool:
        """Whether name and e-mail stay out of what is shown."""
        return self._hides_person()

    def start_login(self, request: LoginRequest, wanted: Callable[[], bool] = lambda: True) -> Attempt:
        """Starts a login and returns at once; what comes of it is kept, and every panel shows how it stands.

        Args:
            request: What is asked for.
            wanted: Whether anybody still wants it, once it is made.

        Raises:
            LoginCancelledError: Nobody does.
            SettingError: A variable's name is taken; nobody is to sign in for nothing.
        """
        self.variables.check(request.session_name, request.manager_name)
        previous = self._held(request.settings)
        return self.controller.begin(
            request,
            lambda: Attempt(
                request, _authenticator(request.settings), previous, lambda: self.controller.chosen_to_stay
            ),
            wanted,
        )

    def keep(self, outcome: Outcome, request: LoginRequest) -> None:
        """Remembers a sign-in and gives its variables to the notebook, from whatever thread.

        Raises:
            SettingError: A variable has got something else meanwhile; the sign-in is remembered all the same.
        """
        self.remember(outcome.sign_in)
        self.variables.check(request.session_name, request.manager_name)
        self._bind(outcome.sign_in, outcome.role, request)
        if request.share and outcome.role is not None:
            self._share_role(outcome.sign_in, outcome.role, request)

    def take_role(self, role_suffix: str | None, request: LoginRequest) -> None:
        """Changes the session's variable to another role of the sign-in used last.

        Raises:
            CognitoError: It could not be.
        """
        current = self.current
        if current is None:
            return
        self.variables.check(request.session_name, request.manager_name)
        self._bind(current, take_role(current, role_suffix, request.settings.session_region), request)

    async def _log_in(self, request: LoginRequest, pause: Pause) -> None:
        if not self.frontend.can_ask:
            raise nobody_to_ask()
        self.controller.chosen_to_stay = None
        attempt = self.start_login(request)
        conversation = Conversation(self.frontend, request, attempt, self.panel_for_login())
        try:
            await conversation.run(pause)
        except BaseException:
            attempt.give_up()
            raise
        outcome = attempt.outcome.result()
        conversation.conclude(self.status(outcome.sign_in, conversation.notes))
        if outcome.problem is not None:
            raise outcome.problem

    def panel_for_login(self) -> LoginPanel | None:
        """The panel that a login shows beside its text; None where no front end could show it."""
        if not self.frontend.updates:
            return None
        from .panel import LoginPanel

        return LoginPanel(self)

    def remember(self, sign_in: SignIn) -> None:
        """As the current one, in place of an ended one with the same settings."""
        if sign_in.manager not in self._followed:
            # Renewed, refreshed, ended by the user pool: whatever happens to it, every panel is to show it.
            self._followed[sign_in.manager] = sign_in.manager.on_change(self.controller.refresh)
        others = [other for other in self._sign_ins if not other.serves(sign_in.settings)]
        self._sign_ins = [*others, sign_in]

    def _bind(self, sign_in: SignIn, role: Role | None, request: LoginRequest) -> None:
        self.variables.bind(request.manager_name, BoundManager(sign_in.manager))
        if role is not None:
            session = BoundSession(role.session, sign_in.manager, role.arn, role.region)
            self.variables.bind(request.session_name, session)
            self.shared.follow(sign_in, request.session_name, role.arn)

    def _share_role(self, sign_in: SignIn, role: Role, request: LoginRequest) -> None:
        self.shared.open(sign_in, [role.arn], follows=request.session_name)

    # -- signing out

    def sign_out(self) -> list[str]:
        """Signs all sign-ins out, and takes the variables away whether Cognito could be told or not.

        Returns:
            The names of the variables taken away.

        Raises:
            CognitoError: Cognito could not be told; everything is forgotten here all the same.
        """
        self.shared.close()
        names = self.variables.clear()
        sign_ins, self._sign_ins = self._sign_ins, []
        self._follow_nobody()
        untold: CognitoError | None = None
        for sign_in in sign_ins:
            try:
                sign_in.manager.sign_out()
            except CognitoError as error:
                untold = error
        self.controller.settle()
        if untold is not None:
            raise untold
        return names

    def close(self) -> None:
        """Ends a login that is on its way and what is shared, and takes the variables away; signs nobody out."""
        self.controller.cancel()
        self.shared.close()
        self.variables.clear()
        sign_ins, self._sign_ins = self._sign_ins, []
        for sign_in in sign_ins:
            sign_in.manager.close()
        self._follow_nobody()
        self.controller.settle()

    def _follow_nobody(self) -> None:
        followed, self._followed = self._followed, {}
        for stop in followed.values():
            stop()


def _authenticator(settings: Settings) -> CognitoOAuthAuthenticator:
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    pools = settings.configuration
    return CognitoOAuthAuthenticator(
        pools.domain,
        pools.client_id,
        pools.redirect_uri,
        pools.region,
        scopes=settings.scopes,
        user_pool_id=pools.user_pool_id,
    )
