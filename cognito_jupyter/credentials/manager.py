"""CognitoCredentialsManager: the user pool's tokens above, each role's AWS credentials below."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import RefusedError, UnavailableError
from ..oauth.refusal import ended
from ..oauth.tokens import CognitoTokens
from .holdings import Holdings, SlotKey
from .keeper import Keeper
from .roles import choose_role, roles_in
from .sessions import FixedCredentials, SlotCredentials, session_over
from .slot import Slot, SlotHelp, signed_out
from .snapshot import AWSCredentials
from .user_pool import Subject, claims_of, subject_of

if TYPE_CHECKING:
    import boto3

    from .store import Store


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
        if not self._tokens.good_for(margin):
            self.refresh_user_pool_tokens()
        slot = self._slot_of(self.role_arn(role_suffix))
        snapshot = slot.lasting(margin)
        self._asked_for(slot, role_suffix)
        return snapshot.as_credentials()

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
        role = choose_role(roles_in(claims), role_suffix or self.last_role_suffix)
        slot = self._slot((subject_of(claims), role))
        snapshot = slot.replaced(lambda: self._exchange.exchanged(subject_of(claims), token, role))
        self._asked_for(slot, role_suffix)
        return snapshot.as_credentials()

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
        return self._tokens.refreshed()

    def warm(self) -> None:
        """Does ahead what a login's end would wait for: to be called in a thread while the person types a password.

        It builds the AWS client and opens its connection, and prepares the first session.
        """
        self._pool.warm()
        self._spare.prepare()
        self._hide_secrets()

    def sign_out(self) -> None:
        """Forgets tokens and credentials, and revokes the refresh token at the user pool.

        Sessions made earlier have nothing to sign with from now on. Keys already handed out live until they expire.

        Raises:
            RefusedError: Cognito refused to revoke; it is all forgotten here (a PermissionError).
            UnavailableError: Cognito could not be reached; it is all forgotten here (a ConnectionError).
        """
        tokens, self.auth_tokens = self.auth_tokens, None
        keeper = self._keep_in(None)
        for slot in list(self._slots.values()):
            slot.forget()
        self._last, self.last_role_suffix = None, None
        self._listeners.tell()
        if tokens is not None:
            self._end(tokens, keeper)

    def _end(self, tokens: CognitoTokens, keeper: Keeper) -> None:
        newest: str | None = None
        problem: UnavailableError | None = None
        try:
            newest = keeper.end(tokens)
        except UnavailableError as error:
            problem = error
        # Another kernel may have had newer ones; usually there is one token.
        for refresh_token in dict.fromkeys((tokens.get("refresh_token"), newest)):
            if refresh_token and self.authenticator is not None:
                self.authenticator.revoke(refresh_token)
        if problem is not None:
            raise problem

    # -- the store

    @property
    def keeper(self) -> Keeper:
        """How the sign-in is kept on this computer, if it is: for those who show it."""
        return self._exchange.keeper

    def sign_in(self, tokens: CognitoTokens, store: Store | None) -> None:
        """Takes the tokens of a login that has just ended, and keeps the sign-in on this computer if that is asked for.

        Args:
            tokens: Of the login.
            store: Where to keep it: `keeper.problem` says why it could not be; None: in memory alone.
        """
        self._keep_in(store)
        self._exchange.keeper.begin(tokens)
        self.auth_tokens = tokens

    def restore(self, store: Store) -> bool:
        """Takes the sign-in that is kept on this computer; no call is made for it.

        Args:
            store: Where it is kept.

        Returns:
            Whether there is one.

        Raises:
            UnavailableError: The store cannot be trusted or read (a ConnectionError).
        """
        keeper = Keeper(store, self._clock.now)
        stored = keeper.restored()
        if stored is None:
            return False
        self._exchange.keeper = self._tokens.keeper = keeper
        self.auth_tokens = stored.tokens
        subject = self._tokens.subject
        if stored.ended and self.auth_tokens is not None:
            self._tokens.end(self.auth_tokens, ended())
        if stored.identity_id is not None and subject is not None:
            self._exchange.identity_ids[subject] = stored.identity_id
        return True

    def _keep_in(self, store: Store | None) -> Keeper:
        before, keeper = self._exchange.keeper, Keeper(store, self._clock.now)
        self._exchange.keeper = self._tokens.keeper = keeper
        return before

    def close(self) -> None:
        """Ends the thread that renews ahead of time; nobody is signed out.

        Sessions that are still used go on: whichever thread needs new credentials then renews them itself.
        """
        self._renewal.close()

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
        return session_over(self.live_credentials(role_suffix), region_name or self.region, self._spare.take())

    def live_credentials(self, role_suffix: str | None = None) -> SlotCredentials:
        """A role's credentials as botocore takes them, for what is not a boto3 session: they renew themselves.

        Args:
            role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.

        Raises:
            RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
        """
        credentials = SlotCredentials(self._ready(role_suffix))
        self._renewing(False)
        return credentials

    def make_session(self, role_suffix: str | None = None) -> boto3.Session:
        """A boto3 session for short work, with the credentials of now.

        Raises:
            RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
        """
        slot = self._ready(role_suffix)
        return session_over(FixedCredentials(slot.read().frozen), self.region, self._spare.take())

    # -- within

    def _ready(self, role_suffix: str | None) -> Slot:
        """The role's slot, with credentials in it that can be used; no margin is asked for."""
        if self._tokens.held is None:
            raise RefusedError("There is nobody to make a session for: nobody is signed in.", "Sign in first.")
        if self._tokens.ended or self._exchange.keeper.path is None:
            # What other kernels have kept comes first: a kernel that has just started need not refresh anything.
            self._tokens.fresh()
        slot = self._slot_of(self.role_arn(role_suffix))
        slot.read()
        self._asked_for(slot, role_suffix)
        return slot

    def _asked_for(self, slot: Slot, role_suffix: str | None) -> None:
        self._last = slot
        if role_suffix is not None:
            self.last_role_suffix = role_suffix

    def _slot_of(self, role_arn: str | None) -> Slot:
        subject = self._tokens.subject
        if subject is None:
            raise signed_out()
        return self._slot((subject, role_arn))

    def _slot(self, key: SlotKey) -> Slot:
        slot = self._slots.get(key)
        if slot is None:
            # setdefault: of two threads that come at once, both get the same.
            slot = self._slots.setdefault(key, self._new_slot(*key))
        return slot

    def _new_slot(self, subject: Subject, role_arn: str | None) -> Slot:
        slot = Slot(
            role_arn,
            lambda: self._exchange.renewed(subject, role_arn, slot.snapshot),
            self._clock,
            self._help(subject),
        )
        return slot

    def _help(self, subject: Subject) -> SlotHelp:
        return SlotHelp(
            self._listeners.tell, self._renewing, lambda: self._tokens.returned(subject, self.wait_for_sign_in)
        )

    def _renewing(self, now: bool) -> bool:
        """Has the thread run; there is nothing for it to do once the sign-in has ended, nor for anybody else."""
        return self._tokens.ended or self._renewal.call(now=now)
