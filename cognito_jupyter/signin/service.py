"""Signs a user in: restores a remembered sign-in or makes a login, adopts its tokens and selects the role.

The notebook's login thread and `cognito-jupyter login` run it. It starts no thread, shows nothing and opens no browser:
its caller shows the login and waits for the user.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._util.importing import import_large
from ..credentials.remembered import load_manager, remembered_subject, store_for
from ..errors import CognitoError, LoginError, SignedOutError, suggest_doctor

if TYPE_CHECKING:
    import boto3

    from ..credentials.manager import CognitoCredentialsManager
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.login import Login
    from ..oauth.tokens import CognitoTokens, Subject
    from ..settings import Settings
    from .request import SignInRequest


@dataclass(frozen=True)
class SignIn:
    """One user, signed in with one configuration.

    Attributes:
        settings: The settings of the login.
        manager: Holds the tokens and the credentials.
    """

    settings: Settings
    manager: CognitoCredentialsManager

    def matches(self, settings: Settings) -> bool:
        """Returns whether a login with these settings gives the same sign-in; timeouts and regions do not matter."""
        return (self.settings.configuration, self.settings.scopes) == (settings.configuration, settings.scopes)


@dataclass(frozen=True)
class SelectedRole:
    """A role whose credentials are valid, and a session that uses them.

    Attributes:
        role_arn: None: the identity pool's default role.
        session: Its credentials are refreshed automatically.
        region: The region that the session was made for; None: the manager's.
    """

    role_arn: str | None
    session: boto3.Session
    region: str | None


@dataclass(frozen=True)
class LoginResult:
    """What a login has led to. A role that fails does not undo the sign-in: the next attempt needs no browser.

    Attributes:
        sign_in: The sign-in.
        role: The selected role; None where that failed, or the login was cancelled before.
        role_error: Why the role could not be selected; None where it could.
        warning: What the user should know although the login has succeeded; None: nothing.
    """

    sign_in: SignIn
    role: SelectedRole | None = None
    role_error: CognitoError | None = None
    warning: CognitoError | None = None


class LoginService:
    """Makes one sign-in.

    Args:
        request: What the sign-in is for.
        authenticator: Makes the login, and later refreshes and revokes its tokens.
        previous: A sign-in with the same settings that has ended. If the same user signs in again, its manager adopts
            the new tokens, and its sessions continue.
        remember_choice: Returns whether the user chose, by the end of the login, to stay signed in on this computer;
            None: no choice was made, and the settings decide.
        is_cancelled: Returns whether the caller has cancelled the sign-in; no role is selected for it then.

    Attributes:
        restored: Whether the sign-in was restored from this computer.
    """

    def __init__(
        self,
        request: SignInRequest,
        authenticator: CognitoOAuthAuthenticator,
        previous: SignIn | None = None,
        remember_choice: Callable[[], bool | None] = lambda: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._request = request
        self._authenticator = authenticator
        self._previous = previous
        self._remember_choice = remember_choice
        self._is_cancelled = is_cancelled
        self.restored = False

    @contextmanager
    def sign_in(self, wait_for_user: Callable[[Login], None]) -> Iterator[LoginResult]:
        """Restores the remembered sign-in, or logs in; to be used in a `with`.

        The result is there while the listener is still open: closing it leaves idle connections of the browser a
        second, and no caller should wait for that.

        Args:
            wait_for_user: Shows the login, and returns when it has finished.

        Raises:
            LoginError: The user did not finish the login (a ConnectionError).
            RefusedError: Cognito refused (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        with suggest_doctor():
            result = self._restore()
        if result is not None:
            self.restored = True
            yield result
            return
        prompt = self._account_prompt() if self._request.switch_account else None
        with suggest_doctor():
            login = self._authenticator.begin_login(timeout=self._request.settings.timeout, prompt=prompt)
        with login:
            with suggest_doctor():
                wait_for_user(login)
                tokens = login.tokens()
                remembered = remembered_subject(self._request.settings) if self._request.switch_account else None
                sign_in = self._adopt(tokens)
                warning = self._switch_warning(remembered, sign_in) if self._request.switch_account else None
                result = replace(self._select_role(sign_in), warning=warning)
            yield result

    def prewarm(self) -> None:
        """Does everything that takes time and needs no tokens, while the user types a password."""
        import_large("cognito_jupyter.credentials.manager")
        # After an ended sign-in it is nearly always the same user who signs in again, and then its manager is used.
        (self._previous.manager if self._previous is not None else self._new_manager).prewarm()
        self._authenticator.prewarm()

    def _restore(self) -> LoginResult | None:
        """Returns the sign-in remembered on this computer; None: the user has to log in."""
        if self._request.fresh or self._previous is not None:
            return None
        manager = load_manager(self._request.settings, self._authenticator)
        if manager is None:
            return None
        result = self._select_role(SignIn(self._request.settings, manager))
        return None if isinstance(result.role_error, SignedOutError) else result

    def _account_prompt(self) -> str:
        """Returns the value of `prompt` that lets the user choose another account.

        `login` has Cognito ask for the password again. Where an identity provider of the user's organisation signs in,
        Cognito passes `select_account` on to it; at Cognito itself that has no effect.

        Source: https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html
        """
        settings = self._request.settings
        return "select_account" if settings.identity_provider or settings.idp_identifier else "login"

    def _switch_warning(self, remembered: Subject | None, sign_in: SignIn) -> LoginError | None:
        """Returns what is not as a user expects who wanted to switch accounts; None: everything is.

        Args:
            remembered: The user who was remembered on this computer before the login.
            sign_in: What the login has led to.
        """
        from ..oauth.tokens import subject_of

        new, previous = subject_of(sign_in.manager.claims), remembered
        if self._previous is not None:
            previous = subject_of(self._previous.manager.claims)
        if new == previous:
            link = self._authenticator.logout_url(self._request.settings.logout_uri)
            return LoginError(
                "Cognito has signed in the same user as before.",
                f"If it did not ask who you are, end its session in the browser first, at {link}, and sign in again.",
            )
        if remembered not in {None, new} and sign_in.manager.shared_sign_in.path is None:
            return LoginError(
                "Another user stays signed in on this computer, and new kernels use that sign-in.",
                "To replace it by yours, add --remember; to end it, run %cognito_logout in a new kernel.",
            )
        return None

    def _adopt(self, tokens: CognitoTokens) -> SignIn:
        from ..oauth.tokens import claims_of, subject_of

        settings, manager = self._request.settings, None
        if self._previous is not None:
            same_user = subject_of(claims_of(tokens["id_token"])) == subject_of(self._previous.manager.claims)
            manager = self._previous.manager if same_user else None
        manager = manager or self._new_manager
        manager.wait_for_sign_in, manager.role_selection = settings.wait_for_sign_in, settings.role_selection
        remember = self._remember_choice()
        chosen = settings
        if remember is not None and "remember" not in settings.locked:
            chosen = replace(settings, remember=remember, sources={**settings.sources, "remember": "the panel"})
        manager.adopt_tokens(tokens, store_for(chosen, tokens))
        return SignIn(settings, manager)

    @functools.cached_property
    def _new_manager(self) -> CognitoCredentialsManager:
        from ..credentials.manager import CognitoCredentialsManager

        return CognitoCredentialsManager.from_settings(self._request.settings, self._authenticator)

    def _select_role(self, sign_in: SignIn) -> LoginResult:
        if self._is_cancelled():
            return LoginResult(sign_in)
        try:
            with suggest_doctor():
                role = select_role(sign_in, self._request.role_suffix, self._request.settings.session_region)
        except CognitoError as error:
            return LoginResult(sign_in, role_error=error.with_traceback(None))
        return LoginResult(sign_in, role)


def select_role(sign_in: SignIn, role_suffix: str | None, region: str | None) -> SelectedRole:
    """Selects a role by the user's words, ensures that its credentials are valid and makes a session for it.

    Args:
        sign_in: The sign-in that allows the role.
        role_suffix: The end of the role's ARN; None: the role selected last, else the default one.
        region: The session's region; None: the manager's.

    Raises:
        RoleError: The suffix matches no role, or more than one (a PermissionError).
        SignedOutError: The sign-in has ended (a PermissionError).
        CredentialsError: AWS refused (a ConnectionError).
        UnavailableError: Cognito or AWS could not be reached (a ConnectionError).
    """
    role_arn = sign_in.manager.select_role(role_suffix)
    return SelectedRole(role_arn, sign_in.manager.session_for_role(role_arn, region_name=region), region)
