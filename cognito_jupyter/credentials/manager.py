"""CognitoCredentialsManager: the user pool's tokens above, each role's AWS credentials below."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import RefusedError, UnavailableError
from ..oauth.token_errors import sign_in_expired
from ..oauth.tokens import CognitoTokens
from .boto_sessions import RefreshingCredentials, StaticCredentials, build_boto3_session
from .cached_credentials import AWSCredentials
from .holdings import Holdings, RoleKey
from .role_credentials import RoleCallbacks, RoleCredentials, signed_out_error
from .roles import choose_role, roles_in
from .shared_sign_in import SharedSignIn
from .user_pool_tokens import Subject, claims_of, subject_of

if TYPE_CHECKING:
    import boto3

    from .store.store import Store


class CognitoCredentialsManager(Holdings):
    """AWS credentials from an identity pool, for each role that the person's sign-in allows.

    Threads use clients made from its sessions. While a session or a client of it is in use, a thread of the manager's
    own renews its credentials ahead of time, and nobody waits for that. Each session keeps the role and the person it
    was made for. The object is not copied or pickled: its secrets stay in this process.

    Args:
        identity_pool_id: The identity pool's id.
        user_pool_id: The user pool that it trusts.
        region: The region of both.
        auth_tokens: The tokens of a login; they may come later, by the attribute.
        authenticator: Refreshes and revokes the tokens; it may come later, by the attribute.
        clock: The time.
        patience: How long the identity pool is waited for.

    Attributes:
        identity_pool_id, user_pool_id, region: As given.
        last_role_suffix: The role suffix asked for last with success.
        wait_for_sign_in: Seconds that a session whose sign-in has ended waits for the same person to sign in again,
            once it has nothing good to sign with; 0: it gets an error at once.
    """

    # -- the two layers

    def ensure_credentials(
        self, role_suffix: str | None = None, refresh_margin: timedelta = timedelta(minutes=5)
    ) -> AWSCredentials:
        """Makes both layers fresh enough: the user pool's tokens, then the identity pool's credentials.

        Args:
            role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
            refresh_margin: What lasts no longer than this is renewed.

        Returns:
            The role's credentials.

        Raises:
            RoleError: The suffix means none, or several, of the roles (a PermissionError).
            RefusedError: Cognito refused to refresh the tokens (a PermissionError).
            UnavailableError: AWS refused or could not be reached (a ConnectionError).
        """
        margin = refresh_margin.total_seconds()
        if not self._tokens.is_valid_for(margin):
            self.refresh_user_pool_tokens()
        role = self._role_of_user(self.resolve_role(role_suffix))
        cached = role.get_valid_for(margin)
        self._set_last_role(role, role_suffix)
        return cached.as_aws_credentials()

    def get_credentials(self, id_token: str | None = None, role_suffix: str | None = None) -> AWSCredentials:
        """Exchanges an id token for credentials, whatever is held; updates `creds_response` and `credentials`.

        Args:
            id_token: None: the manager's own.
            role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.

        Returns:
            The role's credentials.

        Raises:
            RoleError: The suffix means none, or several, of the roles (a PermissionError).
            RefusedError: There is no id token (a PermissionError).
            UnavailableError: AWS refused or could not be reached; what was held is still held (a ConnectionError).
        """
        if id_token is None:
            if self.auth_tokens is None:
                raise RefusedError("There is no id token to exchange: nobody is signed in.", "Sign in first.")
            id_token = self.auth_tokens["id_token"]
        claims, token = claims_of(id_token), id_token
        role_arn = choose_role(roles_in(claims), role_suffix or self.last_role_suffix)
        role = self._role((subject_of(claims), role_arn))
        cached = role.replace(lambda: self._exchange.from_identity_pool(subject_of(claims), token, role_arn))
        self._set_last_role(role, role_suffix)
        return cached.as_aws_credentials()

    def refresh_user_pool_tokens(self) -> CognitoTokens:
        """Refreshes the id and the access token with the refresh token held.

        Returns:
            The new tokens.

        Raises:
            SignedOutError: The sign-in is over (a PermissionError).
            RefusedError: Cognito refused, or there is no refresh token (a PermissionError).
            UnavailableError: There are no tokens or no authenticator, or Cognito could not be reached; what was held
                is still held (a ConnectionError).
        """
        return self._tokens.refresh()

    def prewarm(self) -> None:
        """Does ahead what a login's end would wait for: to be called in a thread while the person types a password.

        It builds the AWS client and opens its connection, and prepares the first session.
        """
        self._identity_pool.preconnect()
        self._prebuilt_session.prebuild()
        self._install_log_redaction()

    def sign_out(self) -> None:
        """Forgets tokens and credentials, and revokes the refresh token at the user pool.

        Sessions made earlier have nothing to sign with from now on. Keys already handed out live until they expire.

        Raises:
            RefusedError: Cognito refused to revoke; it is all forgotten here (a PermissionError).
            UnavailableError: Cognito could not be reached; it is all forgotten here (a ConnectionError).
        """
        tokens, self.auth_tokens = self.auth_tokens, None
        shared_sign_in = self._set_store(None)
        for role in list(self._role_credentials.values()):
            role.clear()
        self._last_role, self.last_role_suffix = None, None
        self._change_notifier.notify()
        if tokens is not None:
            self._revoke(tokens, shared_sign_in)

    def _revoke(self, tokens: CognitoTokens, shared_sign_in: SharedSignIn) -> None:
        newest: str | None = None
        failure: UnavailableError | None = None
        try:
            newest = shared_sign_in.delete_sign_in(tokens)
        except UnavailableError as error:
            failure = error
        # Another kernel may have had newer ones; usually there is one token.
        for refresh_token in dict.fromkeys((tokens.get("refresh_token"), newest)):
            if refresh_token and self.authenticator is not None:
                self.authenticator.revoke(refresh_token)
        if failure is not None:
            raise failure

    # -- the store

    @property
    def shared_sign_in(self) -> SharedSignIn:
        """How the sign-in is kept on this computer, if it is: for those who show it."""
        return self._exchange.shared_sign_in

    def adopt_tokens(self, tokens: CognitoTokens, store: Store | None) -> None:
        """Takes the tokens of a login that has just ended, and keeps the sign-in on this computer if that is asked for.

        Args:
            tokens: Of the login.
            store: Where to keep it: `keeper.problem` says why it could not be; None: in memory alone.
        """
        self._set_store(store)
        self._exchange.shared_sign_in.save_new_sign_in(tokens)
        self.auth_tokens = tokens

    def restore_from_store(self, store: Store) -> bool:
        """Takes the sign-in that is kept on this computer; no call is made for it.

        Args:
            store: Where it is kept.

        Returns:
            Whether there is one.

        Raises:
            UnavailableError: The store cannot be trusted or read (a ConnectionError).
        """
        shared_sign_in = SharedSignIn(store, self._clock.now)
        stored = shared_sign_in.load_sign_in()
        if stored is None:
            return False
        self._exchange.shared_sign_in = self._tokens.shared_sign_in = shared_sign_in
        self.auth_tokens = stored.tokens
        subject = self._tokens.subject
        if stored.ended and self.auth_tokens is not None:
            self._tokens.mark_ended(self.auth_tokens, sign_in_expired())
        if stored.identity_id is not None and subject is not None:
            self._exchange.identity_ids[subject] = stored.identity_id
        return True

    def _set_store(self, store: Store | None) -> SharedSignIn:
        previous, shared_sign_in = self._exchange.shared_sign_in, SharedSignIn(store, self._clock.now)
        self._exchange.shared_sign_in = self._tokens.shared_sign_in = shared_sign_in
        return previous

    def close(self) -> None:
        """Ends the thread that renews ahead of time; nobody is signed out.

        Sessions that are still used go on: whichever thread needs new credentials then renews them itself.
        """
        self._refresher.close()

    # -- sessions

    def make_refreshing_session(
        self, role_suffix: str | None = None, *, region_name: str | None = None
    ) -> boto3.Session:
        """A boto3 session for long work: its credentials renew themselves.

        Args:
            role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
            region_name: The session's region; None: the manager's.

        Raises:
            RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
        """
        return build_boto3_session(
            self.refreshing_credentials(role_suffix), region_name or self.region, self._prebuilt_session.pop_or_build()
        )

    def refreshing_credentials(self, role_suffix: str | None = None) -> RefreshingCredentials:
        """A role's credentials as botocore takes them, for what is not a boto3 session: they renew themselves.

        Args:
            role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.

        Raises:
            RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
        """
        credentials = RefreshingCredentials(self._role_with_credentials(role_suffix))
        self._ensure_refresher(False)
        return credentials

    def make_session(self, role_suffix: str | None = None) -> boto3.Session:
        """A boto3 session for short work, with the credentials of now.

        Raises:
            RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
        """
        role = self._role_with_credentials(role_suffix)
        return build_boto3_session(
            StaticCredentials(role.for_signing().frozen), self.region, self._prebuilt_session.pop_or_build()
        )

    # -- within

    def _role_with_credentials(self, role_suffix: str | None) -> RoleCredentials:
        """The role's slot, with credentials in it that can be used; no margin is asked for."""
        if self._tokens.current is None:
            raise RefusedError("There is nobody to make a session for: nobody is signed in.", "Sign in first.")
        if self._tokens.ended or self._exchange.shared_sign_in.path is None:
            # What other kernels have kept comes first: a kernel that has just started need not refresh anything.
            self._tokens.get_valid()
        role = self._role_of_user(self.resolve_role(role_suffix))
        role.for_signing()
        self._set_last_role(role, role_suffix)
        return role

    def _set_last_role(self, role: RoleCredentials, role_suffix: str | None) -> None:
        self._last_role = role
        if role_suffix is not None:
            self.last_role_suffix = role_suffix

    def _role_of_user(self, role_arn: str | None) -> RoleCredentials:
        subject = self._tokens.subject
        if subject is None:
            raise signed_out_error()
        return self._role((subject, role_arn))

    def _role(self, key: RoleKey) -> RoleCredentials:
        role = self._role_credentials.get(key)
        if role is None:
            # setdefault: of two threads that come at once, both get the same.
            role = self._role_credentials.setdefault(key, self._new_role(*key))
        return role

    def _new_role(self, subject: Subject, role_arn: str | None) -> RoleCredentials:
        role = RoleCredentials(
            role_arn,
            lambda: self._exchange.fetch(subject, role_arn, role.cached),
            self._clock,
            self._role_callbacks(subject),
        )
        return role

    def _role_callbacks(self, subject: Subject) -> RoleCallbacks:
        return RoleCallbacks(
            self._change_notifier.notify,
            self._ensure_refresher,
            lambda: self._tokens.wait_for_new_sign_in(subject, self.wait_for_sign_in),
        )

    def _ensure_refresher(self, run_now: bool) -> bool:
        """Has the thread run; there is nothing for it to do once the sign-in has ended, nor for anybody else."""
        return self._tokens.ended or self._refresher.ensure_running(run_now=run_now)
