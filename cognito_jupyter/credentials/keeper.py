"""Joins a manager with the store, so that the kernels of one person share one sign-in.

It is asked at two moments only: when the tokens are to be refreshed, and when a role's credentials are to be renewed.
Whatever fails about the store itself costs nobody a sign-in that works: memory goes on, and `problem` says what could
not be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..errors import SignedOutError, UnavailableError
from ..oauth.refusal import ended
from ..oauth.tokens import CognitoTokens, redacted
from .snapshot import FrozenCredentials, Snapshot
from .store import LockedSignIn, Store
from .store_format import StoredCredentials, StoredSignIn
from .user_pool import Subject, claims_of, subject_of

if TYPE_CHECKING:
    from .identity_pool import IdentityPoolCredentials, IdentityPoolCredentialsResponse

_PATIENCE = 60.0
"""Seconds to wait for another kernel: a refresh under the lock takes that long where the network does its worst."""
_PATIENCE_IN_TROUBLE = 1.0
"""Seconds, once somebody has held the lock for longer than that: who hung then may hang still."""
_SLACK = 60.0
"""Seconds by which credentials may seem to live too long."""


class Keeper:
    """Keeps one person's sign-in in step with the store; without a store it hands everything on.

    It holds no lock between calls, so that a fork may use it as it is.

    Args:
        store: Where the sign-in is kept; None: in this process's memory alone.
        clock: Seconds since the epoch.

    Attributes:
        problem: Why the newest tokens or credentials could not be kept, for a person to read; None: they are kept.
    """

    def __init__(self, store: Store | None, clock: Callable[[], float]) -> None:
        self.problem: str | None = None
        self._store = store
        self._clock = clock
        self._seen: str | None = None
        """The id token that stood in the file when it was last in step with this manager."""
        self._unwritten: CognitoTokens | None = None
        """Tokens that could not be written yet."""
        self._hung = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("A keeper is not pickled or copied: its sign-in stays on this computer.")

    @property
    def path(self) -> Path | None:
        """The file that the sign-in is kept in; None where it is in memory alone."""
        return self._store.path if self._store is not None else None

    # -- the beginning and the end

    def begin(self, tokens: CognitoTokens) -> None:
        """Keeps the sign-in of a login that has just ended, whatever was there before."""
        if self._store is None:
            return
        try:
            self._store.create(StoredSignIn(tokens, None, {}))
        except UnavailableError as error:
            # What lies there is another sign-in, or nobody's: this one stays in memory.
            self._leave(f"This sign-in lasts as long as its kernel. {error}")
        else:
            self._seen, self.problem = tokens["id_token"], self._store.problem

    def restored(self) -> StoredSignIn | None:
        """The sign-in that was kept; None: there is none that could be used.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if self._store is None:
            return None
        found = self._store.read()
        self.problem = self._store.problem
        if found is not None:
            self._seen = found.tokens["id_token"]
        return found

    def end(self, tokens: CognitoTokens) -> str | None:
        """Signs out on disk; the other kernels notice it at their next renewal.

        Args:
            tokens: Whose sign-in to end: another person's stays.

        Returns:
            The newest refresh token of that person, which is to be revoked; None: there is none.

        Raises:
            UnavailableError: The file is still there (a ConnectionError).
        """
        store, self._store = self._store, None
        if store is None:
            return None
        whose = _person(tokens)
        found = store.remove(lambda each: _person(each.tokens) == whose)
        return found.tokens["refresh_token"] if found is not None else None

    # -- tokens

    def refreshed(
        self,
        held: CognitoTokens,
        good: Callable[[CognitoTokens], bool],
        ask: Callable[[CognitoTokens], CognitoTokens],
    ) -> CognitoTokens:
        """Newer tokens: another kernel's, where one has refreshed them meanwhile, else those that Cognito answers.

        Args:
            held: Those to be replaced.
            good: Whether tokens last long enough.
            ask: Has Cognito refresh tokens.

        Raises:
            SignedOutError: The file is gone, or is another person's; or Cognito says that the sign-in is over.
            CognitoError: What `ask` raises.
        """
        with self._turn() as turn:
            newest = self._newest(turn, held)
            if newest is not held and good(newest):
                self._seen, self._unwritten = newest["id_token"], None
                return newest
            try:
                answer = ask(newest)
            except SignedOutError:
                self._seen = newest["id_token"]
                # Without the lock another kernel may have been a moment faster: what it got is in the file then.
                if self.newer(newest):
                    return self._newest(self._glance(), newest)
                # Nor is a note left then: what the faster one is about to write would find another file than it knows.
                if turn is not None and turn.sign_in is not None and not self._hung:
                    self._write(turn, replace(turn.sign_in, ended=True))
                raise
            self._write_tokens(turn, answer)
            return answer

    def newer(self, held: CognitoTokens) -> bool:
        """Whether another kernel has put newer tokens of the same person into the store."""
        try:
            return self._newest(self._glance(), held) is not held
        except SignedOutError:
            return False

    def _newest(self, turn: LockedSignIn | None, held: CognitoTokens) -> CognitoTokens:
        """What the file holds, if anybody has written it since it was in step with this manager; else what is held."""
        stored = self._stored(turn, held)
        return held if stored is None or stored.tokens["id_token"] == self._seen else stored.tokens

    def _write_tokens(self, turn: LockedSignIn | None, tokens: CognitoTokens) -> None:
        """Writes new tokens, and remembers them where that fails.

        A rotated refresh token that cannot be written, because the disk is full for a moment, say, is not lost: it
        lives on in this memory, and is written with whatever is written next. Until then the file holds its
        predecessor, which Cognito refuses. The file stays all the same: to remove it would sign every kernel out for
        good, this one too; those that Cognito refuses meanwhile look into it again, and go on once it is written.
        """
        self._unwritten = tokens
        if turn is not None and turn.sign_in is not None:
            self._write(turn, replace(turn.sign_in, tokens=tokens, ended=False))

    def catch_up(self, held: CognitoTokens) -> None:
        """Writes the tokens that could not be written when they came, where that can be done by now.

        A kernel that ended before would take the only good refresh token with it.
        """
        if self._unwritten is None:
            return
        # Signed out meanwhile: the next renewal says it.
        with suppress(SignedOutError), self._turn() as turn:
            stored = self._stored(turn, held)
            if turn is not None and stored is not None:
                self._write(turn, self._up_to_date(stored))

    def _up_to_date(self, stored: StoredSignIn) -> StoredSignIn:
        """What the file holds, with the newer tokens that could not be written into it."""
        if self._unwritten is None or stored.tokens["id_token"] != self._seen:
            return stored
        return replace(stored, tokens=self._unwritten, ended=False)

    # -- credentials

    def found(self, role_arn: str | None, held: CognitoTokens, own: Snapshot | None) -> Snapshot | None:
        """A role's credentials from the store, if they are good and newer than one's own; no call is made for it.

        Args:
            role_arn: The role; None: the identity pool's default.
            held: The tokens of the person.
            own: What the role's slot holds.

        Raises:
            SignedOutError: The file is gone, or is another person's.
        """
        return self._good(self._stored(self._glance(), held), role_arn, own)

    def exchanged(
        self,
        role_arn: str | None,
        held: CognitoTokens,
        own: Snapshot | None,
        ask: Callable[[str | None], Snapshot],
    ) -> Snapshot:
        """A role's credentials: another kernel's, where one has renewed them meanwhile, else those that AWS answers.

        Args:
            role_arn: The role; None: the identity pool's default.
            held: The tokens of the person.
            own: What the role's slot holds.
            ask: Exchanges the id token; told the identity id, if the store knows it.

        Raises:
            SignedOutError: The file is gone, or is another person's.
            CognitoError: What `ask` raises.
        """
        with self._turn() as turn:
            stored = self._stored(turn, held)
            found = self._good(stored, role_arn, own)
            if found is not None:
                return found
            snapshot = ask(stored.identity_id if stored is not None else None)
            if turn is not None and stored is not None:
                self._write(turn, _with(self._up_to_date(stored), role_arn, snapshot))
            return snapshot

    def _good(self, stored: StoredSignIn | None, role_arn: str | None, own: Snapshot | None) -> Snapshot | None:
        keys = stored.credentials.get(role_arn or "") if stored is not None else None
        if stored is None or keys is None or stored.identity_id is None:
            return None
        now = self._clock()
        # What one holds oneself from before the clock was set back seems to last longer than all that comes after.
        newer = own is None or not _plausible(own, now) or keys.expires_at > own.expires_at
        good = now < keys.renew_at and _plausible(keys, now)
        return _snapshot(keys, stored.identity_id) if good and newer else None

    # -- the file

    @contextmanager
    def _turn(self) -> Iterator[LockedSignIn | None]:
        """The store's lock; without it, where somebody hangs with it; None where nothing can be read either."""
        with ExitStack() as stack:
            turn = None
            if self._store is not None:
                self._store.problem = None
                try:
                    patience = _PATIENCE_IN_TROUBLE if self._hung else _PATIENCE
                    turn = stack.enter_context(self._store.locked(patience))
                    self._hung = False
                    self.problem = self.problem if self._unwritten is not None else None
                except UnavailableError as error:
                    self._hung, self.problem = True, str(error)
                    turn = self._glance()
            yield turn

    def _glance(self) -> LockedSignIn | None:
        """The file without the lock; None where it cannot be read."""
        try:
            return self._store.unlocked() if self._store is not None else None
        except UnavailableError as error:
            self.problem = str(error)
            return None

    def _stored(self, turn: LockedSignIn | None, held: CognitoTokens) -> StoredSignIn | None:
        """What the file says, as long as it is this person's; None where nothing is known."""
        if turn is None or self._store is None:
            return None
        stored = turn.sign_in
        if stored is None and self._store.problem is not None:
            self._leave(f"{self._store.problem} This sign-in lasts as long as its kernel.")
            return None
        if stored is None:
            raise SignedOutError("You signed out on this computer, in another kernel or program.", "Sign in again.")
        if _person(stored.tokens) != _person(held):
            raise SignedOutError("Somebody else has signed in on this computer since.", "Sign in again.")
        if self._up_to_date(stored).ended:
            # Another kernel was told so: the answer to the same token can only be the same.
            self._seen = stored.tokens["id_token"]
            raise ended()
        return stored

    def _write(self, turn: LockedSignIn, stored: StoredSignIn) -> None:
        try:
            turn.replace(stored)
        except UnavailableError as error:
            self.problem = str(error)
        except SignedOutError:
            # Gone, or written by somebody else without the lock, while Cognito was asked: the next renewal looks anew.
            return
        else:
            self.problem = self.problem if self._hung else None
            if self._unwritten is not None and stored.tokens["id_token"] == self._unwritten["id_token"]:
                self._seen, self._unwritten = stored.tokens["id_token"], None

    def _leave(self, problem: str) -> None:
        """Goes on without the store."""
        self._store, self.problem = None, problem


def _person(tokens: CognitoTokens) -> Subject:
    return subject_of(claims_of(tokens["id_token"]))


def _plausible(keys: StoredCredentials | Snapshot, now: float) -> bool:
    """Whether keys could last for as long as they seem to; more, and the clock was set back since they came."""
    return keys.expires_at - now <= keys.lifetime + _SLACK


def as_stored(snapshot: Snapshot) -> StoredCredentials:
    """A role's credentials as they are written."""
    return StoredCredentials(
        str(snapshot.frozen.access_key),
        str(snapshot.frozen.secret_key),
        str(snapshot.frozen.token),
        snapshot.expiration.timestamp(),
        snapshot.expires_at,
        snapshot.renew_at,
        snapshot.useless_at,
        snapshot.lifetime,
    )


def _with(stored: StoredSignIn, role_arn: str | None, snapshot: Snapshot) -> StoredSignIn:
    credentials = {**stored.credentials, role_arn or "": as_stored(snapshot)}
    return replace(stored, identity_id=snapshot.response["IdentityId"], credentials=credentials)


def _snapshot(keys: StoredCredentials, identity_id: str) -> Snapshot:
    frozen = FrozenCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    credentials: IdentityPoolCredentials = {
        "AccessKeyId": keys.access_key_id,
        "SecretKey": keys.secret_access_key,
        "SessionToken": keys.session_token,
        "Expiration": datetime.fromtimestamp(keys.expiration, UTC),
    }
    response: IdentityPoolCredentialsResponse = {"IdentityId": identity_id, "Credentials": redacted(credentials)}
    return Snapshot(redacted(response), frozen, keys.expires_at, keys.renew_at, keys.useless_at, keys.lifetime)
