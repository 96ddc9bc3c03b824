"""One sign-in for all kernels of a user: keeps a manager's tokens and credentials in step with the store.

The manager calls it when a login has finished and when the user signs out, `UserPoolTokens` when the tokens are
refreshed, and `CredentialsExchange` when a role's credentials are. It makes no call to Cognito or AWS itself: it is
given a function that does, and calls that with the store's lock held, so that one kernel refreshes for all of them.

Nothing that fails about the store ends a sign-in that works: the manager goes on in memory, and `warning` says what
could not be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .._util.closing import NotPicklable
from .._util.redaction import redacted
from ..errors import SIGN_IN_AGAIN, CognitoError, SignedOutError, UnavailableError
from ..oauth.token_errors import sign_in_expired
from ..oauth.tokens import CognitoTokens, subject_of_token
from ..settings import RoleSelection
from .role_credentials import CachedCredentials, FrozenCredentials
from .store.format import has_plausible_lifetime
from .store.sign_in import StoredCredentials, StoredSignIn
from .store.store import Store, StoreTransaction

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPoolCredentials, IdentityPoolCredentialsResponse

_RETRY_LOCK_TIMEOUT = 1.0
"""Seconds to wait for the lock after an earlier wait timed out: assume that its holder still hangs."""


class SharedSignIn(NotPicklable):
    """Keeps one user's sign-in in step with the store; without a store it calls what it is given.

    It holds no lock between calls, so that a forked process may go on using it.

    Args:
        store: Where the sign-in is stored; None: only in this process's memory.
        now: Returns the seconds since the epoch.
        role_selection: Who chooses the role of a process that names none, "token" or "identity_pool".

    Attributes:
        role_selection: As given; written with the sign-in, for the programs that have no settings.
        warning: Why the newest tokens or credentials could not be stored; None: they are stored.
    """

    pickle_error = "A shared sign-in is not pickled or copied: it stays on this computer."

    def __init__(self, store: Store | None, now: Callable[[], float], role_selection: RoleSelection = "token") -> None:
        self.warning: CognitoError | None = None
        self.role_selection = role_selection
        self._store = store
        self._now = now
        self._synced_id_token: str | None = None
        """The id token that the file had when it was last in step with this manager."""
        self._pending_tokens: CognitoTokens | None = None
        """Tokens that could not be written yet."""
        self._lock_timed_out = False
        self._detached_store: Store | None = None
        """The store that this sign-in was in until its file could not be used any more."""

    @property
    def path(self) -> Path | None:
        """The file that the sign-in is stored in; None if it is only in memory."""
        return self._store.path if self._store is not None else None

    # -- login and logout

    def save_new_sign_in(self, tokens: CognitoTokens) -> None:
        """Stores the tokens of a login that has just finished, whatever was stored before."""
        if self._store is None:
            return
        try:
            self._store.save_new(StoredSignIn(tokens, None, {}, role_selection=self.role_selection))
        except UnavailableError as error:
            # What the file holds is another sign-in, or unusable: this one stays in memory.
            self._detach(error)
        else:
            self._synced_id_token, self.warning = tokens["id_token"], self._store.warning

    def load_sign_in(self) -> StoredSignIn | None:
        """Returns the stored sign-in; None if there is none that can be used.

        Raises:
            UnavailableError: The directory cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if self._store is None:
            return None
        stored = self._store.read_sign_in()
        self.warning = self._store.warning
        if stored is not None:
            self._synced_id_token = stored.tokens["id_token"]
        return stored

    def delete_sign_in(self, tokens: CognitoTokens) -> list[str]:
        """Signs out on disk; the other kernels notice it at their next refresh.

        Args:
            tokens: Of the user whose sign-in is deleted; another user's stays.

        Returns:
            The refresh tokens in the deleted files, for the caller to revoke: that of the user, which may be newer than
            the given one, and those of files that were set aside.

        Raises:
            UnavailableError: The file still exists (a ConnectionError).
        """
        store, detached_store = self._store, self._detached_store
        self._store = self._detached_store = None
        if store is not None:
            subject = subject_of_token(tokens["id_token"])
            return store.delete(lambda stored: subject_of_token(stored.tokens["id_token"]) == subject)
        with suppress(UnavailableError):  # this sign-in is in memory only: its end needs no file
            return detached_store.delete(lambda _: False) if detached_store is not None else []
        return []

    # -- tokens

    def refresh_tokens_once(
        self,
        current: CognitoTokens,
        is_fresh: Callable[[CognitoTokens], bool],
        refresh: Callable[[CognitoTokens], CognitoTokens],
    ) -> CognitoTokens:
        """Returns newer tokens: those that another kernel has refreshed in the meantime, else refreshed ones.

        Args:
            current: The tokens to replace.
            is_fresh: Whether tokens last long enough.
            refresh: Calls Cognito to refresh tokens.

        Raises:
            SignedOutError: The file is gone or another user's, or Cognito refused the refresh token.
            CognitoError: What `refresh` raises.
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
                # If this process does not hold the lock, another kernel may have refreshed a moment earlier.
                if self.has_newer_tokens(latest):
                    return self._latest_tokens(self._read_unlocked(), latest)
                # Do not mark the sign-in as ended without the lock: the process that holds it would find the file
                # changed, and drop its newer tokens.
                if transaction is not None and transaction.sign_in is not None and not self._lock_timed_out:
                    self._save(transaction, replace(transaction.sign_in, ended=True))
                raise
            # A rotated refresh token that cannot be written, because the disk is full for example, is not lost: it
            # stays in memory, and is written with the next write. Until then the file holds its predecessor, which
            # Cognito refuses. The file stays nevertheless: deleting it would sign out every kernel for good. A kernel
            # that Cognito refuses in the meantime reads the file again later, and continues once it is written.
            self._pending_tokens = refreshed
            if transaction is not None and transaction.sign_in is not None:
                self._save(transaction, replace(transaction.sign_in, tokens=refreshed, ended=False))
            return refreshed

    def has_newer_tokens(self, current: CognitoTokens) -> bool:
        """Returns whether another kernel has stored newer tokens of the same user."""
        try:
            return self._latest_tokens(self._read_unlocked(), current) is not current
        except SignedOutError:
            return False

    def flush_pending_tokens(self, current: CognitoTokens) -> None:
        """Writes the tokens that could not be written when they arrived, if that is possible by now.

        A kernel that ended before would lose the only valid refresh token.

        Args:
            current: The tokens of the user who is signed in.
        """
        if self._pending_tokens is None:
            return
        # Signed out in the meantime: the next refresh raises that.
        with suppress(SignedOutError), self._exclusive() as transaction:
            stored = self._require_same_user(transaction, current)
            if transaction is not None and stored is not None:
                self._save(transaction, self._with_pending_tokens(stored))

    def _latest_tokens(self, transaction: StoreTransaction | None, current: CognitoTokens) -> CognitoTokens:
        """Returns the file's tokens if another kernel has written newer ones there, else `current`."""
        stored = self._require_same_user(transaction, current)
        return current if stored is None or stored.tokens["id_token"] == self._synced_id_token else stored.tokens

    def _with_pending_tokens(self, stored: StoredSignIn) -> StoredSignIn:
        if self._pending_tokens is None or stored.tokens["id_token"] != self._synced_id_token:
            return stored
        return replace(stored, tokens=self._pending_tokens, ended=False)

    # -- credentials

    def lookup_credentials(
        self, role_arn: str | None, current: CognitoTokens, cached: CachedCredentials | None
    ) -> CachedCredentials | None:
        """Returns a role's stored credentials if they are valid and newer than the cached ones; makes no call.

        Args:
            role_arn: The role; None: the identity pool's default role.
            current: The tokens of the user who is signed in.
            cached: The role's credentials in this process.

        Raises:
            SignedOutError: The file is gone, or another user's.
        """
        return self._newer_valid_credentials(self._require_same_user(self._read_unlocked(), current), role_arn, cached)

    def get_or_fetch_credentials(
        self,
        role_arn: str | None,
        current: CognitoTokens,
        cached: CachedCredentials | None,
        fetch: Callable[[str | None], CachedCredentials],
    ) -> CachedCredentials:
        """Returns a role's credentials: those that another kernel has fetched in the meantime, else fetched ones.

        Args:
            role_arn: The role; None: the identity pool's default role.
            current: The tokens of the user who is signed in.
            cached: The role's credentials in this process.
            fetch: Exchanges the id token for credentials; called with the identity id if the store knows it.

        Raises:
            SignedOutError: The file is gone, or another user's.
            CognitoError: What `fetch` raises.
        """
        with self._exclusive() as transaction:
            stored = self._require_same_user(transaction, current)
            found = self._newer_valid_credentials(stored, role_arn, cached)
            if found is not None:
                return found
            fetched = fetch(stored.identity_id if stored is not None else None)
            if transaction is not None and stored is not None:
                stored = self._with_pending_tokens(stored)
                credentials = {**stored.credentials, role_arn or "": to_stored(fetched)}
                identity_id = fetched.response["IdentityId"]
                self._save(transaction, replace(stored, identity_id=identity_id, credentials=credentials))
            return fetched

    def _newer_valid_credentials(
        self, stored: StoredSignIn | None, role_arn: str | None, cached: CachedCredentials | None
    ) -> CachedCredentials | None:
        found = stored.credentials.get(role_arn or "") if stored is not None else None
        if stored is None or found is None or stored.identity_id is None:
            return None
        now = self._now()
        is_valid = now < found.advisory_refresh_at and has_plausible_lifetime(found.expires_at, found.lifetime, now)
        is_newer = (
            cached is None
            or found.expires_at > cached.expires_at
            # Cached credentials from before the clock was set back seem to outlast everything that comes after them.
            or not has_plausible_lifetime(cached.expires_at, cached.lifetime, now)
        )
        return _to_cached(found, stored.identity_id) if is_valid and is_newer else None

    # -- the file

    @contextmanager
    def _exclusive(self) -> Iterator[StoreTransaction | None]:
        """Yields the store with its lock held; without the lock if its holder hangs; None if it cannot be read."""
        with ExitStack() as stack:
            transaction = None
            if self._store is not None:
                self._store.warning = None
                timeout = min(_RETRY_LOCK_TIMEOUT, self._store.lock_timeout) if self._lock_timed_out else None
                try:
                    transaction = stack.enter_context(self._store.transaction(timeout))
                    self._lock_timed_out = False
                    if self._pending_tokens is None:
                        self.warning = None
                except UnavailableError as error:
                    self._lock_timed_out, self.warning = True, error
                    transaction = self._read_unlocked()
            yield transaction

    def _read_unlocked(self) -> StoreTransaction | None:
        """Returns the store without its lock; None if it cannot be read."""
        try:
            return self._store.unlocked_transaction() if self._store is not None else None
        except UnavailableError as error:
            self.warning = error
            return None

    def _require_same_user(self, transaction: StoreTransaction | None, current: CognitoTokens) -> StoredSignIn | None:
        """Returns what the file holds; None if it is not known.

        Raises:
            SignedOutError: The file is gone, another user's, or of a sign-in that has ended.
        """
        if transaction is None or self._store is None:
            return None
        stored = transaction.sign_in
        if stored is None and self._store.warning is not None:
            self._detach(self._store.warning)
            return None
        if stored is None:
            raise SignedOutError("You signed out on this computer, in another kernel or program.", SIGN_IN_AGAIN)
        if subject_of_token(stored.tokens["id_token"]) != subject_of_token(current["id_token"]):
            raise SignedOutError("Another user has signed in on this computer since.", SIGN_IN_AGAIN)
        if self._with_pending_tokens(stored).ended:
            # Another kernel got this refusal; Cognito would refuse the same token again.
            self._synced_id_token = stored.tokens["id_token"]
            raise sign_in_expired()
        return stored

    def _save(self, transaction: StoreTransaction, stored: StoredSignIn) -> None:
        try:
            transaction.replace_sign_in(replace(stored, role_selection=self.role_selection))
        except UnavailableError as error:
            self.warning = error
        except SignedOutError:
            # The file was deleted, or replaced without the lock, during the call to Cognito: the next refresh sees it.
            return
        else:
            if not self._lock_timed_out:
                self.warning = None
            if self._pending_tokens is not None and stored.tokens["id_token"] == self._pending_tokens["id_token"]:
                self._synced_id_token, self._pending_tokens = stored.tokens["id_token"], None

    def _detach(self, reason: CognitoError) -> None:
        """Continues without the store."""
        self._store, self._detached_store = None, self._store
        self.warning = UnavailableError(f"This sign-in lasts as long as its kernel. {reason.what}", reason.remedy)


def to_stored(cached: CachedCredentials) -> StoredCredentials:
    """Returns a role's credentials as the store has them."""
    access_key_id, secret_access_key, session_token = (str(each) for each in cached.frozen[:3])
    times = (cached.expires_at, cached.advisory_refresh_at, cached.mandatory_refresh_at, cached.lifetime)
    return StoredCredentials(access_key_id, secret_access_key, session_token, cached.expiration.timestamp(), *times)


def _to_cached(stored: StoredCredentials, identity_id: str) -> CachedCredentials:
    credentials: IdentityPoolCredentials = {
        "AccessKeyId": stored.access_key_id,
        "SecretKey": stored.secret_access_key,
        "SessionToken": stored.session_token,
        "Expiration": datetime.fromtimestamp(stored.expiration, UTC),
    }
    response: IdentityPoolCredentialsResponse = {"IdentityId": identity_id, "Credentials": redacted(credentials)}
    frozen = FrozenCredentials(stored.access_key_id, stored.secret_access_key, stored.session_token)
    times = (stored.expires_at, stored.advisory_refresh_at, stored.mandatory_refresh_at, stored.lifetime)
    return CachedCredentials(redacted(response), frozen, *times)
