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

from .._util.redaction import redacted
from ..errors import SignedOutError, UnavailableError
from ..oauth.token_errors import sign_in_expired
from ..oauth.tokens import CognitoTokens
from .role_credentials import CachedCredentials, FrozenCredentials
from .store.format import StoredCredentials, StoredSignIn
from .store.store import Store, StoreTransaction
from .user_pool_tokens import Subject, claims_of, subject_of

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPoolCredentials, IdentityPoolCredentialsResponse

_LOCK_TIMEOUT = 60.0
"""Seconds to wait for another kernel: a refresh under the lock takes that long where the network does its worst."""
_RETRY_LOCK_TIMEOUT = 1.0
"""Seconds, once somebody has held the lock for longer than that: who hung then may hang still."""
_MAX_CLOCK_ERROR = 60.0
"""Seconds by which credentials may seem to live too long."""


class SharedSignIn:
    """Keeps one person's sign-in in step with the store; without a store it hands everything on.

    It holds no lock between calls, so that a fork may use it as it is.

    Args:
        store: Where the sign-in is kept; None: in this process's memory alone.
        clock: Seconds since the epoch.

    Attributes:
        warning: Why the newest tokens or credentials could not be kept, for a person to read; None: they are kept.
    """

    def __init__(self, store: Store | None, clock: Callable[[], float]) -> None:
        self.warning: str | None = None
        self._store = store
        self._clock = clock
        self._synced_id_token: str | None = None
        """The id token that stood in the file when it was last in step with this manager."""
        self._pending_tokens: CognitoTokens | None = None
        """Tokens that could not be written yet."""
        self._lock_timed_out = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("A keeper is not pickled or copied: its sign-in stays on this computer.")

    @property
    def path(self) -> Path | None:
        """The file that the sign-in is kept in; None where it is in memory alone."""
        return self._store.path if self._store is not None else None

    # -- the beginning and the end

    def save_new_sign_in(self, tokens: CognitoTokens) -> None:
        """Keeps the sign-in of a login that has just ended, whatever was there before."""
        if self._store is None:
            return
        try:
            self._store.save_new(StoredSignIn(tokens, None, {}))
        except UnavailableError as error:
            # What lies there is another sign-in, or nobody's: this one stays in memory.
            self._detach(f"This sign-in lasts as long as its kernel. {error}")
        else:
            self._synced_id_token, self.warning = tokens["id_token"], self._store.warning

    def load_sign_in(self) -> StoredSignIn | None:
        """The sign-in that was kept; None: there is none that could be used.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if self._store is None:
            return None
        found = self._store.read_sign_in()
        self.warning = self._store.warning
        if found is not None:
            self._synced_id_token = found.tokens["id_token"]
        return found

    def delete_sign_in(self, tokens: CognitoTokens) -> str | None:
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
        subject = _subject(tokens)
        found = store.delete(lambda each: _subject(each.tokens) == subject)
        return found.tokens["refresh_token"] if found is not None else None

    # -- tokens

    def refresh_tokens_once(
        self,
        current: CognitoTokens,
        is_fresh: Callable[[CognitoTokens], bool],
        refresh: Callable[[CognitoTokens], CognitoTokens],
    ) -> CognitoTokens:
        """Newer tokens: another kernel's, where one has refreshed them meanwhile, else those that Cognito answers.

        Args:
            current: Those to be replaced.
            is_fresh: Whether tokens last long enough.
            refresh: Has Cognito refresh tokens.

        Raises:
            SignedOutError: The file is gone, or is another person's; or Cognito says that the sign-in is over.
            CognitoError: What `ask` raises.
        """
        with self._exclusive() as transaction:
            latest = self._latest_tokens(transaction, current)
            if latest is not current and is_fresh(latest):
                self._synced_id_token, self._pending_tokens = latest["id_token"], None
                return latest
            try:
                refreshed = refresh(latest)
            except SignedOutError:
                self._synced_id_token = latest["id_token"]
                # Without the lock another kernel may have been a moment faster: what it got is in the file then.
                if self.has_newer_tokens(latest):
                    return self._latest_tokens(self._read_unlocked(), latest)
                # Nor is a note left then: what the faster one is about to write would find another file than it knows.
                if transaction is not None and transaction.sign_in is not None and not self._lock_timed_out:
                    self._save(transaction, replace(transaction.sign_in, ended=True))
                raise
            self._save_tokens(transaction, refreshed)
            return refreshed

    def has_newer_tokens(self, current: CognitoTokens) -> bool:
        """Whether another kernel has put newer tokens of the same person into the store."""
        try:
            return self._latest_tokens(self._read_unlocked(), current) is not current
        except SignedOutError:
            return False

    def _latest_tokens(self, transaction: StoreTransaction | None, current: CognitoTokens) -> CognitoTokens:
        """What the file holds, if anybody has written it since it was in step with this manager; else what is held."""
        stored = self._require_same_user(transaction, current)
        return current if stored is None or stored.tokens["id_token"] == self._synced_id_token else stored.tokens

    def _save_tokens(self, transaction: StoreTransaction | None, tokens: CognitoTokens) -> None:
        """Writes new tokens, and remembers them where that fails.

        A rotated refresh token that cannot be written, because the disk is full for a moment, say, is not lost: it
        lives on in this memory, and is written with whatever is written next. Until then the file holds its
        predecessor, which Cognito refuses. The file stays all the same: to remove it would sign every kernel out for
        good, this one too; those that Cognito refuses meanwhile look into it again, and go on once it is written.
        """
        self._pending_tokens = tokens
        if transaction is not None and transaction.sign_in is not None:
            self._save(transaction, replace(transaction.sign_in, tokens=tokens, ended=False))

    def flush_pending_tokens(self, current: CognitoTokens) -> None:
        """Writes the tokens that could not be written when they came, where that can be done by now.

        A kernel that ended before would take the only good refresh token with it.
        """
        if self._pending_tokens is None:
            return
        # Signed out meanwhile: the next renewal says it.
        with suppress(SignedOutError), self._exclusive() as transaction:
            stored = self._require_same_user(transaction, current)
            if transaction is not None and stored is not None:
                self._save(transaction, self._with_pending_tokens(stored))

    def _with_pending_tokens(self, stored: StoredSignIn) -> StoredSignIn:
        """What the file holds, with the newer tokens that could not be written into it."""
        if self._pending_tokens is None or stored.tokens["id_token"] != self._synced_id_token:
            return stored
        return replace(stored, tokens=self._pending_tokens, ended=False)

    # -- credentials

    def lookup_credentials(
        self, role_arn: str | None, current: CognitoTokens, cached: CachedCredentials | None
    ) -> CachedCredentials | None:
        """A role's credentials from the store, if they are good and newer than one's own; no call is made for it.

        Args:
            role_arn: The role; None: the identity pool's default.
            current: The tokens of the person.
            cached: What the role's slot holds.

        Raises:
            SignedOutError: The file is gone, or is another person's.
        """
        return self._newer_valid_credentials(self._require_same_user(self._read_unlocked(), current), role_arn, cached)

    def get_or_fetch_credentials(
        self,
        role_arn: str | None,
        current: CognitoTokens,
        cached: CachedCredentials | None,
        fetch: Callable[[str | None], CachedCredentials],
    ) -> CachedCredentials:
        """A role's credentials: another kernel's, where one has renewed them meanwhile, else those that AWS answers.

        Args:
            role_arn: The role; None: the identity pool's default.
            current: The tokens of the person.
            cached: What the role's slot holds.
            fetch: Exchanges the id token; told the identity id, if the store knows it.

        Raises:
            SignedOutError: The file is gone, or is another person's.
            CognitoError: What `ask` raises.
        """
        with self._exclusive() as transaction:
            stored = self._require_same_user(transaction, current)
            found = self._newer_valid_credentials(stored, role_arn, cached)
            if found is not None:
                return found
            credentials = fetch(stored.identity_id if stored is not None else None)
            if transaction is not None and stored is not None:
                self._save(transaction, _with_credentials(self._with_pending_tokens(stored), role_arn, credentials))
            return credentials

    def _newer_valid_credentials(
        self, stored: StoredSignIn | None, role_arn: str | None, cached: CachedCredentials | None
    ) -> CachedCredentials | None:
        credentials = stored.credentials.get(role_arn or "") if stored is not None else None
        if stored is None or credentials is None or stored.identity_id is None:
            return None
        now = self._clock()
        # What one holds oneself from before the clock was set back seems to last longer than all that comes after.
        is_newer = (
            cached is None or not _has_plausible_lifetime(cached, now) or credentials.expires_at > cached.expires_at
        )
        is_valid = now < credentials.advisory_refresh_at and _has_plausible_lifetime(credentials, now)
        return _to_cached(credentials, stored.identity_id) if is_valid and is_newer else None

    # -- the file

    @contextmanager
    def _exclusive(self) -> Iterator[StoreTransaction | None]:
        """The store's lock; without it, where somebody hangs with it; None where nothing can be read either."""
        with ExitStack() as stack:
            transaction = None
            if self._store is not None:
                self._store.warning = None
                try:
                    timeout = _RETRY_LOCK_TIMEOUT if self._lock_timed_out else _LOCK_TIMEOUT
                    transaction = stack.enter_context(self._store.transaction(timeout))
                    self._lock_timed_out = False
                    self.warning = self.warning if self._pending_tokens is not None else None
                except UnavailableError as error:
                    self._lock_timed_out, self.warning = True, str(error)
                    transaction = self._read_unlocked()
            yield transaction

    def _read_unlocked(self) -> StoreTransaction | None:
        """The file without the lock; None where it cannot be read."""
        try:
            return self._store.unlocked_transaction() if self._store is not None else None
        except UnavailableError as error:
            self.warning = str(error)
            return None

    def _require_same_user(self, transaction: StoreTransaction | None, current: CognitoTokens) -> StoredSignIn | None:
        """What the file says, as long as it is this person's; None where nothing is known."""
        if transaction is None or self._store is None:
            return None
        stored = transaction.sign_in
        if stored is None and self._store.warning is not None:
            self._detach(f"{self._store.warning} This sign-in lasts as long as its kernel.")
            return None
        if stored is None:
            raise SignedOutError("You signed out on this computer, in another kernel or program.", "Sign in again.")
        if _subject(stored.tokens) != _subject(current):
            raise SignedOutError("Somebody else has signed in on this computer since.", "Sign in again.")
        if self._with_pending_tokens(stored).ended:
            # Another kernel was told so: the answer to the same token can only be the same.
            self._synced_id_token = stored.tokens["id_token"]
            raise sign_in_expired()
        return stored

    def _save(self, transaction: StoreTransaction, stored: StoredSignIn) -> None:
        try:
            transaction.replace_sign_in(stored)
        except UnavailableError as error:
            self.warning = str(error)
        except SignedOutError:
            # Gone, or written by somebody else without the lock, while Cognito was asked: the next renewal looks anew.
            return
        else:
            self.warning = self.warning if self._lock_timed_out else None
            if self._pending_tokens is not None and stored.tokens["id_token"] == self._pending_tokens["id_token"]:
                self._synced_id_token, self._pending_tokens = stored.tokens["id_token"], None

    def _detach(self, warning: str) -> None:
        """Goes on without the store."""
        self._store, self.warning = None, warning


def _subject(tokens: CognitoTokens) -> Subject:
    return subject_of(claims_of(tokens["id_token"]))


def _has_plausible_lifetime(credentials: StoredCredentials | CachedCredentials, now: float) -> bool:
    """Whether keys could last for as long as they seem to; more, and the clock was set back since they came."""
    return credentials.expires_at - now <= credentials.lifetime + _MAX_CLOCK_ERROR


def to_stored(credentials: CachedCredentials) -> StoredCredentials:
    """A role's credentials as they are written."""
    return StoredCredentials(
        str(credentials.frozen.access_key),
        str(credentials.frozen.secret_key),
        str(credentials.frozen.token),
        credentials.expiration.timestamp(),
        credentials.expires_at,
        credentials.advisory_refresh_at,
        credentials.mandatory_refresh_at,
        credentials.lifetime,
    )


def _with_credentials(stored: StoredSignIn, role_arn: str | None, cached: CachedCredentials) -> StoredSignIn:
    credentials = {**stored.credentials, role_arn or "": to_stored(cached)}
    return replace(stored, identity_id=cached.response["IdentityId"], credentials=credentials)


def _to_cached(stored: StoredCredentials, identity_id: str) -> CachedCredentials:
    frozen = FrozenCredentials(stored.access_key_id, stored.secret_access_key, stored.session_token)
    credentials: IdentityPoolCredentials = {
        "AccessKeyId": stored.access_key_id,
        "SecretKey": stored.secret_access_key,
        "SessionToken": stored.session_token,
        "Expiration": datetime.fromtimestamp(stored.expiration, UTC),
    }
    response: IdentityPoolCredentialsResponse = {"IdentityId": identity_id, "Credentials": redacted(credentials)}
    return CachedCredentials(
        redacted(response),
        frozen,
        stored.expires_at,
        stored.advisory_refresh_at,
        stored.mandatory_refresh_at,
        stored.lifetime,
    )
