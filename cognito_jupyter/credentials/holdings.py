"""What a manager holds, to look at: who is signed in, which roles that allows, until when the credentials are good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn, cast

from .._util.clock import Clock
from .._util.redaction import install_redaction
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from ..oauth.tokens import CognitoTokens, JwtPayload
from .background_refresh import BackgroundRefresher
from .boto_sessions import PrebuiltSession
from .cached_credentials import AWSCredentials
from .exchange import CredentialsExchange
from .identity_pool.client import IdentityPool, IdentityPoolCredentialsResponse
from .listeners import ChangeNotifier
from .refresh_plan import RefreshPlan
from .role_credentials import RoleCredentials
from .roles import choose_role, roles_in
from .user_pool_tokens import Subject, UserPoolTokens

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator

RoleKey = tuple[Subject, str | None]
"""Whose credentials, and of which role."""


class Holdings:
    """Tokens and each role's credentials, and the thread that renews them; no call is made from here.

    Args: `CognitoCredentialsManager`'s.
    """

    def __init__(  # noqa: PLR0913 - the class says it; five of them are promised
        self,
        identity_pool_id: str,
        user_pool_id: str,
        region: str = "us-east-1",
        auth_tokens: CognitoTokens | None = None,
        authenticator: CognitoOAuthAuthenticator | None = None,
        *,
        clock: Clock | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.identity_pool_id = identity_pool_id
        self.user_pool_id = user_pool_id
        self.region = region
        self.last_role_suffix: str | None = None
        self.wait_for_sign_in = 0.0
        self._clock = clock = clock or Clock()
        self._change_notifier = ChangeNotifier()
        self._tokens = UserPoolTokens(auth_tokens, authenticator, clock, self._change_notifier.notify)
        self._identity_pool = IdentityPool(identity_pool_id, user_pool_id, region, clock.now, timeouts)
        self._exchange = CredentialsExchange(self._tokens, self._identity_pool, clock.now, self._install_log_redaction)
        self._prebuilt_session = PrebuiltSession()
        self._role_credentials: dict[RoleKey, RoleCredentials] = {}
        self._last_role: RoleCredentials | None = None
        self._refresh_plan = RefreshPlan(self._tokens, self._roles_of_user, clock)
        self._refresher = BackgroundRefresher(self._refresh_plan.run_once, clock)
        self._install_log_redaction()

    def __repr__(self) -> str:
        status = "signed in" if self.auth_tokens is not None else "nobody signed in"
        return f"<CognitoCredentialsManager: identity pool {self.identity_pool_id}, {status}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A manager is not pickled or copied: its tokens stay in this process. Share its credentials.")

    @property
    def auth_tokens(self) -> CognitoTokens | None:
        """The newest tokens; None while nobody is signed in. Setting it signs a person in."""
        return self._tokens.current

    @auth_tokens.setter
    def auth_tokens(self, tokens: CognitoTokens | None) -> None:
        self._tokens.current = tokens
        for slot in list(self._role_credentials.values()):
            # What failed before, failed for want of these.
            slot.reset_backoff()
        if self._refresher.running or any(slot.consumers for slot in self._roles_of_user()):
            # To go on with the sessions of before, or to end.
            self._refresher.ensure_running(run_now=True)
        self._change_notifier.notify()

    @property
    def authenticator(self) -> CognitoOAuthAuthenticator | None:
        """What refreshes and revokes the tokens."""
        return self._tokens.authenticator

    @authenticator.setter
    def authenticator(self, authenticator: CognitoOAuthAuthenticator | None) -> None:
        self._tokens.authenticator = authenticator

    @property
    def identity_id(self) -> str | None:
        """The person's identity id; None before the first exchange."""
        subject = self._tokens.subject
        if subject is not None:
            return self._exchange.identity_ids.get(subject)
        return self.creds_response["IdentityId"] if self.creds_response else None

    @property
    def credentials(self) -> AWSCredentials | None:
        """The newest credentials of the role asked for last; None before the first."""
        cached = self._last_role.cached if self._last_role is not None else None
        return cached.as_aws_credentials() if cached is not None else None

    @property
    def creds_response(self) -> IdentityPoolCredentialsResponse | None:
        """What the identity pool answered for the role asked for last; None before the first."""
        cached = self._last_role.cached if self._last_role is not None else None
        return cached.response if cached is not None else None

    @property
    def claims(self) -> JwtPayload:
        """What the id token says; nothing while nobody is signed in."""
        return self._tokens.claims

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of the roles that the sign-in allows, in the token's order."""
        return roles_in(self.claims)

    def resolve_role(self, role_suffix: str | None = None) -> str | None:
        """The role that a suffix means, without any call.

        Args:
            role_suffix: The end of a role's ARN; None: the last one asked for, else the first.

        Returns:
            Its ARN; None where the identity pool's default role decides.

        Raises:
            RoleError: None, or more than one, fits (a PermissionError).
        """
        return choose_role(self.roles, role_suffix or self.last_role_suffix)

    def expiration(self, role_arn: str | None) -> datetime | None:
        """Until when the credentials held for a role are good; None where there are none."""
        subject = self._tokens.subject
        role = self._role_credentials.get((subject, role_arn)) if subject is not None else None
        return role.cached.expiration if role is not None and role.cached is not None else None

    def lifetime(self, role_arn: str | None) -> float:
        """How long the credentials held for a role live in all, in seconds; 0 where there are none."""
        subject = self._tokens.subject
        role = self._role_credentials.get((subject, role_arn)) if subject is not None else None
        return role.cached.lifetime if role is not None and role.cached is not None else 0.0

    @property
    def ended(self) -> bool:
        """Whether the user pool has said that this sign-in is over: only signing in again helps."""
        return self._tokens.ended

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back whenever tokens or credentials were replaced, the sign-in ended, or somebody signed in or out.

        Args:
            callback: Called without arguments in whatever thread made the change, which goes on when it returns. It may
                ask for credentials; an error of its own is logged.

        Returns:
            A function that ends it.
        """
        return self._change_notifier.subscribe(callback)

    @property
    def warning(self) -> str | None:
        """What keeps tokens or credentials from being renewed just now, for a person to read; None: nothing does.

        While the credentials held are good, nobody else hears of it.
        """
        return self._refresh_plan.warning

    # -- within

    def _roles_of_user(self) -> list[RoleCredentials]:
        subject = self._tokens.subject
        return [slot for (whose, _), slot in list(self._role_credentials.items()) if whose == subject]

    def _install_log_redaction(self) -> None:
        """Keeps what is held now out of the logs of whatever has been imported by now."""
        install_redaction(self._secrets)

    def _secrets(self) -> Iterable[str]:
        """Everything secret that is held now, for the filters that keep it out of logs."""
        tokens = self._tokens.current
        for name in ("id_token", "access_token", "refresh_token"):
            if tokens is not None and tokens.get(name):
                yield cast("str", tokens.get(name))
        for role in list(self._role_credentials.values()):
            yield from role.secrets()
