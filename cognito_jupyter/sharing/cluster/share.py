"""A share with the workers of a cluster: it decides when to push which credentials, for every kind of cluster.

`DaskShare` and its like derive from `ClusterShare`; a `ClusterPusher` does what differs from one kind of cluster to
another. Neither lets a token of the sign-in leave this process.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..._util.closing import Closeable, NotPicklable
from ..._util.refresh_loop import RefreshLoop, running_owners
from ..._util.threads.waiting import wait_in_slices
from ...errors import ClusterRefusedError, CognitoError, UnavailableError
from ...oauth.tokens import Subject, subject_of

if TYPE_CHECKING:
    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials
    from ..endpoint.share import Share

_REFRESH_AFTER = 0.4
"""The part of their lifetime after which credentials are replaced: all workers have new ones before half of it."""
_MAX_DELAY = 5.0
"""Seconds after which the clock is read again, because it jumps while a laptop sleeps, and after which it is checked
that the cluster still has the credentials: one that was started again has none for its workers."""
_MIN_DELAY = 0.25
_REPEAT_AFTER = 30.0
"""Seconds after which credentials that a worker has not confirmed are pushed again, to all workers."""
_CLOSE_TIMEOUT = 5.0
"""Seconds that `close` waits for the cluster to remove the credentials."""
_PUSH_TIMEOUT = 20.0
"""Seconds that the workers have to confirm a push, unless new credentials are due sooner."""
_FIRST_ATTEMPTS = 3
"""Attempts to make the first push: it fails if one of many workers ends at that moment."""


class ClusterPusher(Protocol):
    """One share's connection to one cluster, for one principal: a user in a role."""

    @property
    def kernel_id(self) -> str:
        """Tells this share from all others; also the name of its thread."""

    @property
    def principal(self) -> str:
        """A digest that tells the user in the role from all others."""

    @property
    def address(self) -> str:
        """Where this process reaches the cluster, for messages."""

    @property
    def connected(self) -> bool:
        """Whether this process is connected to the cluster, or connects again."""

    @property
    def workers(self) -> int | None:
        """How many workers have confirmed the last credentials; None while one of them does not respond."""

    def push(self, cached: CachedCredentials, timeout: float) -> None:
        """Sends new credentials to the workers, also to those that join later.

        Args:
            cached: The credentials.
            timeout: Seconds that the workers have to confirm.

        Raises:
            ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another principal.
            Exception: Any other exception; a later push may succeed.
        """

    def unregister(self) -> None:
        """Removes the credentials from the workers; any exception it raises becomes a warning."""


class ClusterShare(Closeable, NotPicklable):
    """One role's credentials on the workers of one cluster, replaced before half of their lifetime has passed.

    It ends with `close()`, at the end of a `with`, when the user signs out or another user signs in, and with its
    connection to the cluster; then the workers' environment is restored. While Cognito or the cluster cannot be reached
    it tries again.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Pushes them to the workers.

    Attributes:
        manager, pusher: As given.
        role_arn: The role; None: the identity pool's default role.
        warning: Why the last refresh or push failed; None if it succeeded.
        closed: Whether it has ended, or is about to end.
        cluster_name: What its messages call the cluster; each subclass sets its own.
        workers_report: Whether the workers tell that they have the credentials, and when they use them.
        remedy: What to do where the cluster does not accept the credentials, likewise.
    """

    cluster_name = "cluster"
    workers_report = True
    remedy = "Call it again."

    pickle_error = "A share cannot be pickled or copied: it belongs to the kernel that made it."

    def __init__(
        self, manager: CognitoCredentialsManager, credentials: RefreshingCredentials, pusher: ClusterPusher
    ) -> None:
        self.manager = manager
        self.pusher = pusher
        self.role_arn = credentials.role_arn
        self.warning: CognitoError | None = None
        # Only until the end: a role is refreshed for as long as there is an object that reads its credentials.
        self._credentials: RefreshingCredentials | None = credentials
        self._subject = _subject(manager)
        self._pushed: CachedCredentials | None = None
        self._share_here: Share | None = None
        self._failures = 0
        self._repeat_at = 0.0
        self._first_push_done = threading.Event()
        self.closed = False
        self._loop = RefreshLoop(
            self._run_once, name=pusher.kernel_id, min_delay=_MIN_DELAY, max_delay=_MAX_DELAY, on_end=self._on_loop_end
        )
        self._unsubscribe = manager.on_change(self._loop.wake)

    @property
    def until(self) -> datetime | None:
        """When the workers' credentials expire; None before the first push and after the end."""
        return self._pushed.expiration if self._pushed is not None else None

    @property
    def last_request(self) -> datetime | None:
        """When a worker's task last requested credentials; None: never, or this kind of cluster does not tell."""
        return None

    @property
    def workers_in_words(self) -> str:
        """How many workers have the credentials, such as "3 workers"; "the workers" while one does not respond."""
        count = self.pusher.workers
        return "the workers" if count is None else f"{count} worker{'' if count == 1 else 's'}"

    def start(self) -> None:
        """Starts the thread, and waits for its first push.

        Raises:
            ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another principal (a
                PermissionError).
            UnavailableError: The cluster could not be reached (a ConnectionError).
        """
        # Dask and Ray registered exit handlers before, which close the connection; so this one runs first.
        atexit.register(self.close)
        try:
            if self._loop.ensure_running():
                wait_in_slices(self._first_push_done)
        except BaseException:
            self.close()
            raise
        if self._pushed is None:
            self.close()
            raise self.warning or self._as_cognito_error(None)

    def serve_this_process(self) -> None:
        """Shares the role in this process too, unless something is shared here already; closes itself if that fails.

        `dd.read_csv` and its like look at the beginning of a file here, before any worker reads.

        Raises:
            UnavailableError: The endpoint did not start (a ConnectionError).
            RefusedError, CredentialsError: As in `ensure_credentials`.
        """
        from ..endpoint.kernel_endpoint import get_kernel_endpoint
        from ..endpoint.share import Share

        if get_kernel_endpoint().environment_of(os.environ).in_use:
            return
        try:
            self._share_here = Share(self.manager)
            self._share_here.select_role(self.role_arn)
        except BaseException:
            self.close()
            raise
        if self.closed:
            self._close_share_here()

    def cluster_is_new(self) -> bool:
        """Whether the cluster was started again since the last push, and so has no credentials; the thread calls it.

        Raises:
            Exception: Any exception for a failed connection.
        """
        return False

    def close(self) -> None:
        """Removes the credentials from the workers; a second call does nothing.

        Credentials that a task has already read stay valid until they expire.
        """
        self.closed = True
        self._loop.stop()
        self._loop.join(_CLOSE_TIMEOUT)

    def __repr__(self) -> str:
        state = "closed" if self.closed or self.until is None else f"until {self.until:%Y-%m-%d %H:%M:%S} UTC"
        return f"<{type(self).__name__} of {self.role_arn or 'the default role'} with {self.pusher.address}: {state}>"

    # -- in the loop's thread

    def _run_once(self) -> float | None:
        """Refreshes and pushes what is due; returns the seconds until the next run, or None at the end."""
        credentials, same_user = self._credentials, _subject(self.manager) == self._subject
        if self.closed or credentials is None or not same_user or not self.pusher.connected:
            return None
        delay = 0.0
        try:
            self._push_due(credentials)
        except ClusterRefusedError as error:
            self.warning = error
            return None
        except Exception as error:  # noqa: BLE001 - clusters raise exceptions of any kind, and the thread must go on
            self._failures += 1
            self.warning = self._as_cognito_error(error)
            delay = _MIN_DELAY * 2.0 ** min(self._failures, 10)
        else:
            self._failures = 0
            self.warning = None
            if self.pusher.workers is None:
                self.warning = UnavailableError(
                    f"A worker of the {self.cluster_name} at {self.pusher.address} does not respond.",
                    "It gets the credentials as soon as it does; the other workers have them.",
                )
            delay = _seconds_until_due(self._pushed) if self._pushed is not None else 0.0
        if self._pushed is not None or self._failures >= _FIRST_ATTEMPTS:
            self._first_push_done.set()
        return delay

    def _push_due(self, credentials: RefreshingCredentials) -> None:
        current = credentials.get_cached_credentials()
        try:
            newest = credentials.get_credentials_valid_for(current.lifetime * (1 - _REFRESH_AFTER))
        except CognitoError:
            # The current ones are still valid for a while.
            self._push_if_new(current)
            raise
        self._push_if_new(newest)

    def _push_if_new(self, cached: CachedCredentials) -> None:
        """Pushes credentials that are new, or that a worker or the cluster may not have."""
        unconfirmed = self.pusher.workers is None and time.monotonic() >= self._repeat_at
        if cached is not self._pushed or unconfirmed or self.cluster_is_new():
            self.pusher.push(cached, min(_PUSH_TIMEOUT, _seconds_until_due(cached)))
            self._pushed, self._repeat_at = cached, time.monotonic() + _REPEAT_AFTER

    def _on_loop_end(self) -> None:
        self.closed = True
        self._unsubscribe()
        try:
            self.pusher.unregister()
        except Exception as error:  # noqa: BLE001 - clusters raise exceptions of any kind; the credentials will expire
            self.warning = self._as_cognito_error(error)
        self._close_share_here()
        self._pushed = self._credentials = None
        self._first_push_done.set()
        atexit.unregister(self.close)

    def _close_share_here(self) -> None:
        share_here, self._share_here = self._share_here, None
        if share_here is not None:
            share_here.close()

    def _as_cognito_error(self, error: Exception | None) -> CognitoError:
        if isinstance(error, CognitoError):
            return error
        reason = type(error).__name__ if error is not None else "the client is closed"
        # A plain ConnectionError is the plugin's own, whose message is meant for the user.
        reason = f"{reason}: {error}" if type(error) is ConnectionError else reason
        return UnavailableError(
            f"The {self.cluster_name} at {self.pusher.address} did not accept the credentials ({reason}).", self.remedy
        )


_Share = TypeVar("_Share", bound=ClusterShare)


def reuse_share(shares: Iterable[_Share], manager: CognitoCredentialsManager, principal: str) -> _Share | None:
    """Returns the share that a cell has made which is run again, and closes all others.

    Args:
        shares: The shares with the same cluster.
        manager: The sign-in.
        principal: A digest that tells the user in the role from all others.
    """
    reused = None
    for share in shares:
        if share.closed:
            continue
        if share.pusher.principal == principal and share.manager is manager and share.pusher.connected:
            reused = share
        else:
            share.close()
    return reused


def cluster_shares(manager: CognitoCredentialsManager) -> list[ClusterShare]:
    """Returns the open shares of a sign-in with clusters of every kind."""
    return [share for share in running_owners(ClusterShare) if share.manager is manager and not share.closed]


def _seconds_until_due(cached: CachedCredentials) -> float:
    """Seconds until credentials have to be replaced."""
    due = cached.expires_at - cached.lifetime * (1 - _REFRESH_AFTER)
    return max(_MIN_DELAY, due - time.time())


def _subject(manager: CognitoCredentialsManager) -> Subject | None:
    """The user who is signed in; None: no user is."""
    return subject_of(manager.claims) if manager.auth_tokens is not None else None
