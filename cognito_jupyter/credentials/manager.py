"""CognitoCredentialsManager: a user's tokens, and the AWS credentials of each of the user's roles.

User code, the notebook, the shares and the command line all go through it. It does not run a login (that is `oauth`),
shows nothing, and reads no settings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3

from .._util.botocore_session import SessionFactory
from .._util.clock import Clock
from .._util.closing import NotPicklable
from .._util.logs.redaction import install_redaction
from .._util.process_local import ProcessLocal
from .._util.redaction import SecretText, redacted
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from ..errors import CognitoError, RefusedError
from ..oauth.authenticator import CognitoOAuthAuthenticator
from ..oauth.token_errors import sign_in_expired
from ..oauth.tokens import CognitoTokens, JwtPayload, Subject, claims_of, subject_of_token
from ..settings import CognitoConfiguration, RoleSelection, Settings
from .background_refresh import BackgroundRefresher
from .boto_sessions import PrebuiltSession, RefreshingCredentials, StaticCredentials
from .exchange import CredentialsExchange
from .role_credentials import AWSCredentials, CachedCredentials, RoleCredentials, signed_out_error
from .role_lookup import RoleLookup
from .shared_sign_in import SharedSignIn
from .store.store import Store
from .user_pool_tokens import UserPoolTokens

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPool, IdentityPoolCredentialsResponse

_LOG = logging.getLogger(__name__)


class CognitoCredentialsManager(NotPicklable):
    """AWS credentials from an identity pool, for each role that the user's sign-in allows.

    Worker threads use clients made from the manager's sessions. While a session or one of its clients is in use, a
    background thread refreshes the credentials ahead of time, so that no caller waits for that. Each session keeps the
    role and the user it was made for. The manager cannot be copied or pickled: its secrets stay in this process.

    Where a parameter `role_suffix` is None, the role of the last call that gave a suffix is meant, else the token's
    preferred role, else the first role that the sign-in allows. A method with the parameter `role_arn` uses exactly
    that role, or the identity pool's default role for None, and does not change `credentials`, `creds_response` or
    `last_role_suffix`.

    Args:
        identity_pool_id: The identity pool's id.
        user_pool_id: The user pool that the identity pool trusts.
        region: The sessions' default region, and that of a pool whose id names none.
        auth_tokens: The tokens of a login; they can also be set later.
        authenticator: Refreshes and revokes the tokens; it can also be set later.
        clock: The source of time.
        timeouts: How long to wait for the identity pool.

    Attributes:
        identity_pool_id, user_pool_id, region: As given.
        last_role_suffix: The role suffix of the last call that gave one and succeeded.
        wait_for_sign_in: Seconds that a session whose sign-in has ended waits for the same user to sign in again, once
            its credentials have expired; 0: it raises an error at once.
    """

    pickle_error = (
        "A manager cannot be pickled or copied: its tokens stay in this process. "
        "For other processes on this machine, run %cognito_share, or call cognito_jupyter.sharing.share(manager); "
        "for a cluster, call sharing.dask(manager, client), sharing.ray(manager) or sharing.spark(manager, session) of "
        "cognito_jupyter."
    )

    def __init__(  # noqa: PLR0913 - five of them are promised
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
        auth_tokens = redacted(auth_tokens) if auth_tokens is not None else None
        self.identity_pool_id = identity_pool_id
        self.user_pool_id = user_pool_id
        self.region = region
        self.last_role_suffix: str | None = None
        self.wait_for_sign_in = 0.0
        self._clock = clock = clock or Clock()
        self._change_callbacks: list[Callable[[], None]] = []
        self._tokens = UserPoolTokens(auth_tokens, authenticator, clock, self._notify_change)
        self._role_lookup = RoleLookup(self._tokens)
        make_session = SessionFactory()

        def make_identity_pool() -> IdentityPool:
            # Late: a kernel that restores a stored sign-in calls no identity pool before the first refresh.
            from .identity_pool.client import IdentityPool

            return IdentityPool(identity_pool_id, user_pool_id, region, clock.now, timeouts, make_session=make_session)

        self._identity_pool_of_process = ProcessLocal(make_identity_pool)
        self._exchange = CredentialsExchange(
            self._tokens, self._identity_pool_of_process, clock.now, self._install_redaction
        )
        self._prebuilt_session = PrebuiltSession(make_session)
        # By user and role ARN; None: the identity pool's default role.
        self._role_credentials: dict[tuple[Subject, str | None], RoleCredentials] = {}
        self._last_role: RoleCredentials | None = None
        self._refresher = BackgroundRefresher(self._tokens, self._roles_of_user, clock, self._prebuilt_session.prebuild)
        self._install_redaction()

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        authenticator: CognitoOAuthAuthenticator | None = None,
        auth_tokens: CognitoTokens | None = None,
    ) -> CognitoCredentialsManager:
        """Makes a manager for the pools that the settings name.

        Args:
            settings: The settings of a login.
            authenticator: Refreshes and revokes the tokens.
            auth_tokens: The tokens of a login.
        """
        pools = settings.configuration
        manager = cls(pools.identity_pool_id, pools.user_pool_id, pools.region, auth_tokens, authenticator)
        manager.wait_for_sign_in, manager.role_selection = settings.wait_for_sign_in, settings.role_selection
        return manager

    def __repr__(self) -> str:
        status = "signed in" if self.auth_tokens is not None else "not signed in"
        return f"<CognitoCredentialsManager: identity pool {self.identity_pool_id}, {status}>"

    # -- the user and the user's roles; no request is made

    @property
    def auth_tokens(self) -> CognitoTokens | None:
        """The newest tokens; None while no user is signed in. Setting them signs a user in.

        Raises:
            VerificationError: They are set, and the id token is malformed; those before stay (a PermissionError).
        """
        return self._tokens.current

    @auth_tokens.setter
    def auth_tokens(self, tokens: CognitoTokens | None) -> None:
        tokens = redacted(tokens) if tokens is not None else None
        self._tokens.current = tokens
        for role in list(self._role_credentials.values()):
            # An earlier failure may have been due to the tokens that are now replaced.
            role.single_flight.reset()
        if self._refresher.loop.running or any(role.consumers for role in self._roles_of_user()):
            # The refresher continues with the user's earlier sessions, or ends.
            self._refresher.loop.ensure_running(run_now=True)
        self._notify_change()

    @property
    def authenticator(self) -> CognitoOAuthAuthenticator | None:
        """Refreshes and revokes the tokens."""
        return self._tokens.authenticator

    @authenticator.setter
    def authenticator(self, authenticator: CognitoOAuthAuthenticator | None) -> None:
        self._tokens.authenticator = authenticator

    @property
    def claims(self) -> JwtPayload:
        """The claims of the id token; empty while no user is signed in."""
        return self._tokens.claims

    @property
    def identity_id(self) -> str | None:
        """The user's identity id; None before the first exchange."""
        subject = self._tokens.subject
        if subject is not None:
            return self._exchange.identity_ids.get(subject)
        return self.creds_response["IdentityId"] if self.creds_response else None

    @property
    def role_selection(self) -> RoleSelection:
        """Who chooses the role, as the setting of this name says.

        "token": a role of the id token is requested. "identity_pool": no role is requested, and the identity pool's own
        rules or its default role decide.
        """
        return self._role_lookup.selection

    @role_selection.setter
    def role_selection(self, selection: RoleSelection) -> None:
        self._role_lookup.selection = self._tokens.shared_sign_in.role_selection = selection

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of the roles to choose from, in the token's order; none if the identity pool chooses the role."""
        return self._role_lookup.roles

    def resolve_role(self, role_suffix: str | None = None) -> str | None:
        """Returns the ARN of the role that a suffix means.

        If the suffix fits none of the token's roles, the tokens are refreshed, once a minute at most: the role may have
        been granted since the sign-in.

        Args:
            role_suffix: The end of the role's ARN.

        Returns:
            The ARN; None if the identity pool chooses the role.

        Raises:
            RoleError: The suffix fits no role, or several (a PermissionError).
            RefusedError: No user is signed in, or the sign-in has ended (a PermissionError).
        """
        self._require_sign_in()
        return self._role_lookup.find(role_suffix, self.last_role_suffix)

    @property
    def credentials(self) -> AWSCredentials | None:
        """The newest credentials of the role requested last; None before the first."""
        cached = self._last_role.cached if self._last_role is not None else None
        return cached.as_aws_credentials() if cached is not None else None

    @property
    def creds_response(self) -> IdentityPoolCredentialsResponse | None:
        """The identity pool's response for the role requested last; None before the first."""
        cached = self._last_role.cached if self._last_role is not None else None
        return cached.response if cached is not None else None

    def cached_credentials(self, role_arn: str | None) -> CachedCredentials | None:
        """Returns the current credentials of a role, to show when they expire; None if there are none."""
        return next((role.cached for role in self._roles_of_user() if role.role_arn == role_arn), None)

    @property
    def ended(self) -> bool:
        """Whether the user pool has ended this sign-in: only a new sign-in helps."""
        return self._tokens.ended

    @property
    def warning(self) -> CognitoError | None:
        """Why tokens or credentials could not be refreshed at the last attempt; None if they could.

        While the current credentials are valid, no session raises this.
        """
        return self._refresher.warning

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls a function after each change: new tokens or credentials, a failed refresh, a sign-in, a sign-out.

        Args:
            callback: Called without arguments in the thread that made the change, which waits for it. It may request
                credentials; an exception that it raises is logged.

        Returns:
            A function that ends the calls.
        """
        self._change_callbacks.append(callback)

        def unsubscribe() -> None:
            with suppress(ValueError):  # called before
                self._change_callbacks.remove(callback)

        return unsubscribe

    # -- tokens and credentials

    def ensure_credentials(
        self, role_suffix: str | None = None, refresh_margin: timedelta = timedelta(minutes=5)
    ) -> AWSCredentials:
        """Refreshes what expires soon: the user pool's tokens first, then the identity pool's credentials.

        Args:
            role_suffix: The end of the role's ARN.
            refresh_margin: What expires within this time is refreshed.

        Returns:
            The role's credentials.

        Raises:
            RoleError: The suffix fits no role, or several (a PermissionError).
            RefusedError: Cognito refused to refresh the tokens (a PermissionError).
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: Cognito or AWS could not be reached (a ConnectionError).
        """
        margin = refresh_margin.total_seconds()
        # Before the tokens: a thread that is late between both gets the credentials of those that were not.
        successes = {role: role.single_flight.successes for role in self._roles_of_user()}
        self._tokens.ensure_valid_for(margin)
        role = self._role(self.resolve_role(role_suffix))
        cached = role.get_valid_for(margin, successes.get(role, 0))
        self._set_last_role(role, role_suffix)
        return cached.as_aws_credentials()

    def get_credentials(self, id_token: str | None = None, role_suffix: str | None = None) -> AWSCredentials:
        """Exchanges an id token for new credentials, and updates `creds_response` and `credentials`.

        Args:
            id_token: The id token; None: the manager's own.
            role_suffix: The end of the role's ARN.

        Returns:
            The role's credentials.

        Raises:
            RoleError: The suffix fits no role, or several (a PermissionError).
            RefusedError: There is no id token (a PermissionError).
            CredentialsError: AWS refused; the current credentials stay (a ConnectionError).
            UnavailableError: AWS could not be reached; the current credentials stay (a ConnectionError).
        """
        if id_token is None:
            if self.auth_tokens is None:
                raise RefusedError("There is no id token to exchange: no user is signed in.", "Sign in first.")
            role_arn = self.resolve_role(role_suffix)
            token = self.auth_tokens["id_token"]
        else:
            token = id_token = SecretText(id_token)
            role_arn = self._role_lookup.find(role_suffix, self.last_role_suffix, claims_of(id_token))
        subject = subject_of_token(token)
        role = self._role(role_arn, subject)
        cached = role.replace(lambda: self._exchange.from_identity_pool(subject, token, role_arn))
        self._set_last_role(role, role_suffix)
        return cached.as_aws_credentials()

    def refresh_user_pool_tokens(self) -> CognitoTokens:
        """Refreshes the id token and the access token with the refresh token.

        Threads that call it at the same time share one refresh.

        Returns:
            The new tokens.

        Raises:
            SignedOutError: The sign-in has ended (a PermissionError).
            RefusedError: Cognito refused, or there is no refresh token (a PermissionError).
            UnavailableError: There are no tokens or no authenticator, or Cognito could not be reached; the current
                tokens stay (a ConnectionError).
        """
        return self._tokens.refresh()

    # -- sessions

    def make_refreshing_session(
        self, role_suffix: str | None = None, *, region_name: str | None = None
    ) -> boto3.Session:
        """Makes a boto3 session for long work: its credentials are refreshed automatically.

        Args:
            role_suffix: The end of the role's ARN.
            region_name: The session's region; None: the manager's.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As `ensure_credentials`.
        """
        return self.session_for_role(self.select_role(role_suffix), region_name=region_name)

    def make_session(self, role_suffix: str | None = None) -> boto3.Session:
        """Makes a boto3 session for short work: its credentials are never refreshed.

        Args:
            role_suffix: The end of the role's ARN.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As `ensure_credentials`.
        """
        return self._session(StaticCredentials(self._select_role(role_suffix).for_signing().frozen))

    def select_role(self, role_suffix: str | None = None) -> str | None:
        """Gets a role's credentials, and makes it the role of `credentials` and of later calls without a suffix.

        Args:
            role_suffix: The end of the role's ARN.

        Returns:
            The role's ARN; None for the identity pool's default role.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As `ensure_credentials`.
        """
        return self._select_role(role_suffix).role_arn

    def session_for_role(self, role_arn: str | None, *, region_name: str | None = None) -> boto3.Session:
        """Makes a boto3 session for a role, whose credentials are refreshed automatically.

        Args:
            role_arn: The role, one of `roles`; None: the identity pool's default role.
            region_name: The session's region; None: the manager's.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As `ensure_credentials`.
        """
        return self._session(self.credentials_for_role(role_arn), region_name)

    def credentials_for_role(self, role_arn: str | None) -> RefreshingCredentials:
        """Returns a role's credentials as a botocore object that is refreshed automatically.

        Args:
            role_arn: The role, one of `roles`; None: the identity pool's default role.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As `ensure_credentials`.
        """
        self._require_tokens()
        role = self._role(role_arn)
        role.for_signing()
        credentials = RefreshingCredentials(role)
        # Only now has the role a consumer, for which the refresher works.
        self._ensure_refresher(False)
        return credentials

    # -- login and logout

    def prewarm(self) -> None:
        """Prepares what the end of a login would wait for; the caller runs it in a thread during the login.

        It builds the AWS client, opens its connection, and prepares the first session.
        """
        self._identity_pool.preconnect()
        self._prebuilt_session.prebuild()
        self._install_redaction()

    def prebuild_session(self, in_seconds: float = 0.0) -> None:
        """Has the refresh thread prepare the next session: a user who changes the role waits for it.

        To build one takes longer than a request to a server nearby. Nothing is prepared where no role is in use.

        Args:
            in_seconds: When, from now.
        """
        self._refresher.prepare_in(in_seconds)

    @property
    def shared_sign_in(self) -> SharedSignIn:
        """Whether and where the sign-in is stored on this computer."""
        return self._tokens.shared_sign_in

    def adopt_tokens(self, tokens: CognitoTokens, store: Store | None) -> None:
        """Signs in with the tokens of a login that has just succeeded, and stores them on this computer if asked to.

        Args:
            tokens: The login's tokens.
            store: Where to store the sign-in; `shared_sign_in.warning` then says why that failed, if it did. None: the
                sign-in stays in memory.
        """
        tokens = redacted(tokens)
        self._tokens.shared_sign_in = SharedSignIn(store, self._clock.now, self.role_selection)
        self._tokens.shared_sign_in.save_new_sign_in(tokens)
        self.auth_tokens = tokens

    def restore_from_store(self, store: Store) -> bool:
        """Signs in with the tokens that are stored on this computer; no request is made.

        Args:
            store: Where they are stored.

        Returns:
            Whether there are any.

        Raises:
            UnavailableError: The store cannot be trusted or read (a ConnectionError).
        """
        shared_sign_in = SharedSignIn(store, self._clock.now, self.role_selection)
        stored = shared_sign_in.load_sign_in()
        if stored is None:
            return False
        self._tokens.shared_sign_in = shared_sign_in
        self.auth_tokens = stored.tokens
        subject = self._tokens.subject
        if stored.ended and self.auth_tokens is not None:
            self._tokens.mark_ended(self.auth_tokens, sign_in_expired())
        if stored.identity_id is not None and subject is not None:
            self._exchange.identity_ids[subject] = stored.identity_id
        return True

    def sign_out(self) -> None:
        """Forgets tokens and credentials, and revokes the refresh token at the user pool.

        A forked child forgets its copies, and the process that it was forked from stays signed in.

        Sessions made earlier have no credentials from now on. Credentials already passed on are valid until they
        expire.

        Raises:
            RefusedError: Cognito refused to revoke the token; it is forgotten here all the same (a PermissionError).
            UnavailableError: Cognito could not be reached; the token is forgotten here all the same (a
                ConnectionError).
        """
        may_revoke = not self._tokens.belong_to_parent
        tokens, self.auth_tokens = self.auth_tokens, None
        shared_sign_in, self._tokens.shared_sign_in = (
            self.shared_sign_in,
            SharedSignIn(None, self._clock.now, self.role_selection),
        )
        for role in list(self._role_credentials.values()):
            role.cached = None
        self._last_role, self.last_role_suffix = None, None
        self._notify_change()
        if tokens is None:
            return
        stored: list[str] = []
        try:
            stored = shared_sign_in.delete_sign_in(tokens)
        finally:
            # Also if the file could not be deleted. Another kernel may have had newer tokens; usually both are equal.
            if self.authenticator is not None and may_revoke:
                self.authenticator.revoke_all(tokens.get("refresh_token"), stored)

    def close(self) -> None:
        """Ends the background refresher for good; the user stays signed in.

        Sessions that are still used keep working: the thread that needs new credentials then refreshes them itself.
        """
        self._refresher.loop.stop()

    # -- within

    @property
    def _identity_pool(self) -> IdentityPool:
        return self._identity_pool_of_process()

    def _session(
        self, credentials: RefreshingCredentials | StaticCredentials, region_name: str | None = None
    ) -> boto3.Session:
        return self._prebuilt_session.pop_or_build(credentials, region_name or self.region)

    def _select_role(self, role_suffix: str | None) -> RoleCredentials:
        self._require_tokens()
        role = self._role(self.resolve_role(role_suffix))
        role.for_signing()
        self._set_last_role(role, role_suffix)
        return role

    def _set_last_role(self, role: RoleCredentials, role_suffix: str | None) -> None:
        self._last_role = role
        if role_suffix is not None:
            self.last_role_suffix, self._role_lookup.last_role = role_suffix, role.role_arn

    def _require_sign_in(self) -> None:
        if self._tokens.current is None:
            raise RefusedError("There are no roles and no credentials: no user is signed in.", "Sign in first.")

    def _require_tokens(self) -> None:
        self._require_sign_in()
        if self._tokens.ended or self._tokens.shared_sign_in.path is None:
            # A shared sign-in is not refreshed here: another kernel may have stored credentials that are still valid.
            self._tokens.get_valid()

    def _role(self, role_arn: str | None, subject: Subject | None = None) -> RoleCredentials:
        """Returns the credentials of a role of a user, by default the one who is signed in."""
        subject = subject or self._tokens.subject
        if subject is None:
            raise signed_out_error()
        existing = self._role_credentials.get((subject, role_arn))
        if existing is not None:
            return existing
        role = RoleCredentials(
            role_arn,
            lambda: self._exchange.fetch(subject, role_arn, role.cached),
            self._clock,
            on_attempt=self._notify_change,
            ensure_refresher=self._ensure_refresher,
            wait_for_sign_in=lambda: self._tokens.wait_for_new_sign_in(subject, self.wait_for_sign_in),
        )
        # setdefault: two threads that arrive at the same moment get the same object.
        return self._role_credentials.setdefault((subject, role_arn), role)

    def _ensure_refresher(self, run_now: bool) -> bool:
        """Starts the background refresher; an ended sign-in needs none, and counts as if it ran."""
        return self._tokens.ended or self._refresher.loop.ensure_running(run_now=run_now)

    def _notify_change(self) -> None:
        for callback in list(self._change_callbacks):
            try:
                callback()
            except Exception:  # noqa: BLE001 - a fault of the callback must not cost the caller its credentials
                _LOG.warning("A callback given to on_change failed.", exc_info=True)

    def _roles_of_user(self) -> list[RoleCredentials]:
        user = self._tokens.subject
        return [role for (subject, _), role in self._role_credentials.copy().items() if subject == user]

    def _install_redaction(self) -> None:
        """Keeps the current secrets out of the logs of all packages imported by now."""
        install_redaction(self._secrets)

    def _secrets(self) -> Iterable[str]:
        tokens: Mapping[str, object] = self._tokens.current or {}
        yield from (str(tokens[name]) for name in ("id_token", "access_token", "refresh_token") if tokens.get(name))
        for role in list(self._role_credentials.values()):
            yield from role.secrets()


def get_authenticated_cognito_manager(cogconf: CognitoConfiguration) -> CognitoCredentialsManager:
    """Runs the whole OAuth workflow and returns a manager that holds the tokens.

    Args:
        cogconf: The Cognito to sign in at; its user pool must be the one that issues the tokens.

    Raises:
        LoginError: The user did not finish the sign-in (a ConnectionError).
        ListenerError: No registered port is free (a ConnectionError).
        RefusedError: Cognito refused, or the tokens are not this login's (a PermissionError).
        UnavailableError: Cognito could not be reached (a ConnectionError).
    """
    from ..settings.layers import client_secret_of

    settings = Settings(cogconf, client_secret=client_secret_of(cogconf.client_id))
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    manager = CognitoCredentialsManager.from_settings(settings, authenticator)
    manager.auth_tokens = authenticator.authenticate(prepare=manager.prewarm)
    return manager
