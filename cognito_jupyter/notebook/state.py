"""What the notebook's shell remembers: who is signed in, what is on its way, and which variables are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CognitoError, SignedOutError
from .attempt import Attempt
from .conversation import Conversation
from .failure import nobody_to_ask
from .frontend import Frontend
from .ipython import show
from .signin import LoginRequest, Role, SignIn, take_role
from .status import status_table
from .variables import BoundManager, BoundSession, Variables
from .waiting import wait

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..config import Settings
    from ..oauth.authenticator import CognitoOAuthAuthenticator


class NotebookState:
    """The state that hangs on one shell.

    Args:
        shell: The shell.

    Attributes:
        variables: The names given to the notebook.
        frontend: Who is there.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.variables = Variables(shell)
        self.frontend = Frontend(shell)
        self._sign_ins: list[SignIn] = []
        self._attempt: Attempt | None = None

    @property
    def current(self) -> SignIn | None:
        """The sign-in used last."""
        return self._sign_ins[-1] if self._sign_ins else None

    # -- signing in

    def sign_in(self, request: LoginRequest) -> None:
        """Makes what is asked for true, by no more than is needed: nothing, another role, or a login.

        Raises:
            CognitoError: It could not be.
        """
        self.variables.check(request.session_name, request.manager_name)
        held = next((sign_in for sign_in in self._sign_ins if sign_in.serves(request.settings)), None)
        if held is not None:
            try:
                self._use(held, request)
            except SignedOutError:
                # By the server, or by time. Whoever can be asked signs in again; else this is the answer.
                if not self.frontend.can_ask:
                    raise
            else:
                return
        self._log_in(request)

    def _use(self, sign_in: SignIn, request: LoginRequest) -> None:
        bound = self.variables.get(request.session_name)
        session = bound if isinstance(bound, BoundSession) and bound.manager is sign_in.manager else None
        suffix = request.role_suffix or (session.role_arn if session else None)
        role = take_role(sign_in, suffix, request.settings.session_region)
        manager = self.variables.get(request.manager_name)
        unchanged = session is not None and (session.role_arn, session.region) == (role.arn, role.region)
        if not (unchanged and manager is not None and manager.value is sign_in.manager):
            self._remember(sign_in)
            self._bind(sign_in, None if unchanged else role, request)
            show(status_table(sign_in, self.variables))

    def _log_in(self, request: LoginRequest) -> None:
        if not self.frontend.can_ask:
            raise nobody_to_ask()
        self._settle()
        self._attempt = attempt = Attempt(request, _authenticator(request.settings))
        conversation = Conversation(self.frontend, request, attempt)
        try:
            attempt.start()
            outcome = wait(conversation.steps())
        except BaseException:
            attempt.give_up()
            raise
        self._remember(outcome.sign_in)
        self._bind(outcome.sign_in, outcome.role, request)
        conversation.conclude(status_table(outcome.sign_in, self.variables, conversation.notes))
        if outcome.problem is not None:
            raise outcome.problem

    def _remember(self, sign_in: SignIn) -> None:
        """As the current one, in place of an ended one with the same settings."""
        others = [other for other in self._sign_ins if not other.serves(sign_in.settings)]
        self._sign_ins = [*others, sign_in]

    def _bind(self, sign_in: SignIn, role: Role | None, request: LoginRequest) -> None:
        self.variables.bind(request.manager_name, BoundManager(sign_in.manager))
        if role is not None:
            session = BoundSession(role.session, sign_in.manager, role.arn, role.region)
            self.variables.bind(request.session_name, session)

    # -- signing out

    def sign_out(self) -> list[str]:
        """Signs all sign-ins out, and takes the variables away whether Cognito could be told or not.

        Returns:
            The names of the variables taken away.

        Raises:
            CognitoError: Cognito could not be told; everything is forgotten here all the same.
        """
        names = self.variables.clear()
        sign_ins, self._sign_ins = self._sign_ins, []
        untold: CognitoError | None = None
        for sign_in in sign_ins:
            try:
                sign_in.manager.sign_out()
            except CognitoError as error:
                untold = error
        if untold is not None:
            raise untold
        return names

    def close(self) -> None:
        """Ends a login that is on its way and takes the variables away; signs nobody out."""
        if self._attempt is not None and not self._attempt.outcome.done():
            self._attempt.give_up()
        self._settle()
        self.variables.clear()
        self._sign_ins = []

    def _settle(self) -> None:
        if self._attempt is not None:
            self._attempt.settle()
            self._attempt = None


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
