"""A sign-in as the notebook holds it: the settings it was made with, and the manager that came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3

    from ...credentials.manager import CognitoCredentialsManager
    from ...errors import CognitoError
    from ...settings import Settings


@dataclass(frozen=True)
class LoginRequest:
    """What one `%cognito_login` asks for, arguments and settings together.

    Attributes:
        role_suffix: None: whatever role there is.
        timeout: Seconds that the person has.
        paste: Whether the person asked for the paste box.
        fresh: Whether to sign in anew, whoever is signed in.
        share: Whether the role is to be shared with everything else in the notebook.
        remote_reason: Why the browser may be on another computer than the kernel; None: nothing speaks for it.
    """

    settings: Settings
    session_name: str
    manager_name: str
    role_suffix: str | None
    timeout: float
    paste: bool
    open_browser: bool
    share: bool = False
    remote_reason: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class SignIn:
    """One person, signed in with one configuration."""

    settings: Settings
    manager: CognitoCredentialsManager

    def matches(self, settings: Settings) -> bool:
        """Whether these settings ask for the same sign-in; what only concerns waiting or sessions does not count."""
        return (self.settings.configuration, self.settings.scopes) == (settings.configuration, settings.scopes)


@dataclass(frozen=True)
class SelectedRole:
    """A role taken: its session, ready for use.

    Attributes:
        role_arn: None where the identity pool's default role decides.
    """

    role_arn: str | None
    session: boto3.Session
    region: str | None


@dataclass(frozen=True)
class LoginResult:
    """What a login has brought: the sign-in, and the role or what went wrong with it."""

    sign_in: SignIn
    role: SelectedRole | None
    role_error: CognitoError | None


def select_role(sign_in: SignIn, role_suffix: str | None, region: str | None) -> SelectedRole:
    """Makes sure of a role's credentials and makes a session over them.

    Args:
        sign_in: Who takes it.
        role_suffix: The end of the role's name; None: whatever role there is.
        region: The session's region; None: Cognito's.

    Raises:
        RoleError: The suffix means none, or several, of the roles.
        SignedOutError: The sign-in has ended.
        RefusedError: AWS refused.
        UnavailableError: Cognito or AWS could not be reached.
    """
    manager = sign_in.manager
    session = manager.make_refreshing_session(role_suffix, region_name=region)
    return SelectedRole(manager.resolve_role(role_suffix), session, region)
