"""CognitoCredentialsManager: the user pool's tokens above, each role's AWS credentials below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, cast

from ..errors import CredentialsError, IdTokenExpiredError, RefusedError, SignedOutError, UnavailableError
from ..oauth.authenticator import CognitoOAuthAuthenticator
from ..oauth.tokens import CognitoTokens, JwtPayload
from ..quiet import keep_out_of_logs
from .clock import Clock
from .identity_pool import IdentityPool, IdentityPoolCredentialsResponse
from .keeper import Keeper
from .listeners import Listeners
from .renewal import Renewal
from .roles import choose_role, roles_in
from .sessions import FixedCredentials, SlotCredentials, SpareSession, session_over
from .slot import Slot, SlotHelp, signed_out
from .snapshot import AWSCredentials, Snapshot
from .upkeep import Upkeep
from .user_pool import Subject, UserPoolTokens, claims_of, subject_of

if TYPE_CHECKING:
    import boto3

    from ..config import CognitoConfiguration
    from .store import Store

_Key = tuple[Subject, str | None]
"""Whose credentials, and of which role."""


class CognitoCredentialsManager:
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

    Attributes:
        identity_pool_id, user_pool_id, region: As given.
        last_role_suffix: The role suffix asked for last with success.
        wait_for_sign_in: Seconds that a session whose sign-in has ended waits for the same person to sign in again,
            once it has nothing good to sign with; 0: it gets an error at once.
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
    ) -> None:
        self.identity_pool_id = identity_pool_id
        self.user_pool_id = user_pool_id
        self.region = region
        self.last_role_suffix: str | None = None
        self.wait_for_sign_in = 0.0
        self._clock = clock = clock or Clock()
        self._listeners = Listeners()
        self._tokens = UserPoolTokens(auth_tokens, authenticator, clock, self._listeners.tell)
        self._pool = IdentityPool(identity_pool_id, user_pool_id, region, clock.now)
        self._spare = SpareSession()
        self._keeper = Keeper(None, clock.now)
        self._identity_ids: dict[Subject, str] = {}
        self._slots: dict[_Key, Slot] = {}
        self._last: Slot | None = None
        self._upkeep = Upkeep(self._tokens, self._slots_of_person, clock)
        self._renewal = Renewal(self._upkeep.round, clock)
        keep_out_of_logs(self._secrets)

    def __repr__(self) -> str:
        who = "signed in" if self.auth_tokens is not None else "nobody signed in"
        return f"<CognitoCredentialsManager: identity pool {self.identity_pool_id}, {who}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A manager is not pickled or copied: its tokens stay in this process. Share its credentials.")

    # -- what it holds

    @property
    def auth_tokens(self) -> CognitoTokens | None:
        """The newest tokens; None while nobody is signed in. Setting it signs a person in."""
        return self._tokens.held

    @auth_tokens.setter
    def auth_tokens(self, tokens: CognitoTokens | None) -> None:
        self._tokens.held = tokens
        for slot in list(self._slots.values()):
            # What failed before, failed for want of these.
            slot.forgive()
        if self._renewal.running or any(slot.holders for slot in self._slots_of_person()):
            # To go on with the sessions of before, or to end.
            self._renewal.call(now=True)
        self._listeners.tell()

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
            return self._identity_ids.get(subject)
        return self.creds_response["IdentityId"] if self.creds_response else None

    @property
    def credentials(self) -> AWSCredentials | None:
        """The newest credentials of the role asked for last; None before the first."""
        snapshot = self._last.snapshot if self._last is not None else None
        return snapshot.as_credentials() if snapshot is not None else None

    @property
    def creds_response(self) -> IdentityPoolCredentialsResponse | None:
        """What the identity pool answered for the role asked for last; None before the first."""
        snapshot = self._last.snapshot if self._last is not None else None
        return snapshot.response if snapshot is not None else None

    @property
    def claims(self) -> JwtPayload:
        """What the id token says; nothing while nobody is signed in."""
        return self._tokens.claims

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of the roles that the sign-in allows, in the token's order."""
        return roles_in(self.claims)

    def role_arn(self, role_suffix: str | None = None) -> str | None:
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
        slot = self._slots.get((subject, role_arn)) if subject is not None else None
        return slot.snapshot.expiration if slot is not None and slot.snapshot is not None else None

    def lifetime(self, role_arn: str | None) -> float:
        """How long the credentials held for a role live in all, in seconds; 0 where there are none."""
        subject = self._tokens.subject
        slot = self._slots.get((subject, role_arn)) if subject is not None else None
        return slot.snapshot.lifetime if slot is not None and slot.snapshot is not None else 0.0

    @property
    def ended(self) -> bool:
        """Whether the user pool has said that this sign-in is over: only signing in again helps."""
        return self._tokens.ended

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back whenever tokens or credentials were replaced, the sign-in ended, or somebody signed in or out.

        Args:
            callback: Called without arguments in whatever thread made the change; it should only take note.

        Returns:
            A function that ends it.
        """
        return self._listeners.add(callback)

    @property
    def problem(self) -> str | None:
        """What keeps tokens or credentials from being renewed just now, for a person to read; None: nothing does.

        While the credentials held are good, nobody else hears of it.
        """
        return self._upkeep.problem

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
        snapshot = slot.replaced(lambda: self._exchanged(subject_of(claims), token, role))
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
        keep_out_of_logs(self._secrets)

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
        return self._keeper

    def sign_in(self, tokens: CognitoTokens, store: Store | None) -> None:
        """Takes the tokens of a login that has just ended, and keeps the sign-in on this computer if that is asked for.

        Args:
            tokens: Of the login.
            store: Where to keep it: `keeper.problem` says why it could not be; None: in memory alone.
        """
        self._keep_in(store)
        self._keeper.begin(tokens)
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
        self._keeper = self._tokens.keeper = keeper
        self.auth_tokens = stored.tokens
        subject = self._tokens.subject
        if stored.identity_id is not None and subject is not None:
            self._identity_ids[subject] = stored.identity_id
        return True

    def _keep_in(self, store: Store | None) -> Keeper:
        before, keeper = self._keeper, Keeper(store, self._clock.now)
        self._keeper = self._tokens.keeper = keeper
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
        if self._tokens.ended or self._keeper.path is None:
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

    def _slot(self, key: _Key) -> Slot:
        slot = self._slots.get(key)
        if slot is None:
            # setdefault: of two threads that come at once, both get the same.
            slot = self._slots.setdefault(
                key, Slot(key[1], lambda: self._renewed(key), self._clock, self._help(key[0]))
            )
        return slot

    def _help(self, subject: Subject) -> SlotHelp:
        return SlotHelp(
            self._listeners.tell, self._renewing, lambda: self._tokens.returned(subject, self.wait_for_sign_in)
        )

    def _renewing(self, now: bool) -> bool:
        """Has the thread run; there is nothing for it to do once the sign-in has ended, nor for anybody else."""
        return self._tokens.ended or self._renewal.call(now=now)

    def _slots_of_person(self) -> list[Slot]:
        subject = self._tokens.subject
        return [slot for (whose, _), slot in list(self._slots.items()) if whose == subject]

    def _renewed(self, key: _Key) -> Snapshot:
        """New credentials for a slot; only from the tokens of the person whose slot it is."""
        subject, _ = key
        if self._tokens.subject != subject:
            raise signed_out()
        try:
            snapshot = self._shared(key)
        except IdTokenExpiredError:
            # By AWS's clock; ours has been set wrong since it was last compared.
            self._tokens.refreshed()
            snapshot = self._shared(key)
        if self._tokens.subject != subject:
            # Signed out in the meantime: what was asked for before must not outlive that.
            raise signed_out()
        return snapshot

    def _shared(self, key: _Key) -> Snapshot:
        """Credentials from the store, where another kernel has renewed them, else by an exchange."""
        (subject, role_arn), keeper, tokens = key, self._keeper, self._tokens.held
        if tokens is None:
            raise signed_out()
        own = self._slot(key).snapshot
        try:
            found = keeper.found(role_arn, tokens, own)
            if found is None:
                tokens = self._tokens.fresh()
                id_token = tokens["id_token"]
                found = keeper.exchanged(role_arn, tokens, own, lambda: self._exchanged(subject, id_token, role_arn))
        except SignedOutError as error:
            if tokens is self._tokens.held:
                self._tokens.end(tokens, error)
            raise
        keep_out_of_logs(self._secrets)
        return found

    def _exchanged(self, subject: Subject, id_token: str, role_arn: str | None) -> Snapshot:
        known = self._identity_ids.get(subject)
        if known is not None:
            # An identity that was deleted since is found anew; every other error comes again.
            with suppress(CredentialsError):
                return self._taken(self._pool.credentials(known, id_token, role_arn))
        identity_id = self._pool.identity_id(id_token)
        response = self._pool.credentials(identity_id, id_token, role_arn)
        self._identity_ids[subject] = identity_id
        return self._taken(response)

    def _taken(self, response: IdentityPoolCredentialsResponse) -> Snapshot:
        keep_out_of_logs(self._secrets)
        return Snapshot.taken(response, self._clock.now(), self._pool.skew)

    def _secrets(self) -> Iterable[str]:
        """Everything secret that is held now, for the filters that keep it out of logs."""
        tokens = self._tokens.held
        for name in ("id_token", "access_token", "refresh_token"):
            if tokens is not None and tokens.get(name):
                yield cast("str", tokens.get(name))
        for slot in list(self._slots.values()):
            yield from slot.secrets()


def get_authenticated_cognito_manager(cogconf: CognitoConfiguration) -> CognitoCredentialsManager:
    """Runs the whole OAuth workflow and returns a manager that holds the tokens.

    Args:
        cogconf: The Cognito to sign in at; its user pool must be the one that issues the tokens.

    Raises:
        LoginError: The person did not finish the sign-in (a ConnectionError).
        RefusedError: Cognito refused, or the tokens are not what was asked for (a PermissionError).
        UnavailableError: Cognito could not be reached, or no registered port is free (a ConnectionError).
    """
    authenticator = CognitoOAuthAuthenticator(
        cogconf.domain, cogconf.client_id, cogconf.redirect_uri, cogconf.region, user_pool_id=cogconf.user_pool_id
    )
    tokens = authenticator.authenticate()
    return CognitoCredentialsManager(
        cogconf.identity_pool_id, cogconf.user_pool_id, cogconf.region, tokens, authenticator
    )
