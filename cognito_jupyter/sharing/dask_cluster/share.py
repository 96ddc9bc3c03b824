"""`dask()`: the workers of a Dask cluster use AWS as the user who is signed in here, for as long as that is so.

User code calls it. It decides when to push; `WorkerPusher` pushes. It never lets a token of the sign-in leave this
process.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

from ..._util.closing import Closeable, NotPicklable
from ..._util.refresh_loop import RefreshLoop, running_owners
from ...errors import ClusterRefusedError, CognitoError, SettingError, UnavailableError
from ...oauth.tokens import Subject, subject_of
from ..endpoint.aws_files import configured_region
from ..extras import import_library

if TYPE_CHECKING:
    from distributed import Client

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials
    from .push import WorkerPusher

_REFRESH_AFTER = 0.4
"""The part of their lifetime after which credentials are replaced: all workers have new ones before half of it."""
_MAX_DELAY = 30.0
"""Seconds after which the clock is read again: the wall clock jumps while a laptop sleeps."""
_MIN_DELAY = 0.25
_CLOSE_TIMEOUT = 5.0
"""Seconds that `close` waits for the cluster to remove the credentials."""
_PUSH_TIMEOUT = 20.0
"""Seconds that the workers have to confirm a push, unless new credentials are due sooner."""
_FIRST_ATTEMPTS = 3
"""Attempts to make the first push: it fails if one of many workers ends at that moment."""


class DaskShare(Closeable, NotPicklable):
    """One role's credentials on the workers of one Dask cluster, replaced before half of their lifetime has passed.

    It ends with `close()`, at the end of a `with`, when the user signs out or another user signs in, and with its
    client; then the workers' environment is restored. While Cognito or the scheduler cannot be reached it tries again.

    One thread pushes. It is named after the kernel, so that a worker in the same process recognises it.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Pushes them to the workers.

    Attributes:
        manager, pusher: As given.
        role_arn: The role; None: the identity pool's default role.
        warning: Why the last refresh or push failed; None if it succeeded.
        closed: Whether it has ended, or is about to end.
    """

    pickle_error = "A share cannot be pickled or copied: it belongs to the kernel that made it."

    def __init__(
        self, manager: CognitoCredentialsManager, credentials: RefreshingCredentials, pusher: WorkerPusher
    ) -> None:
        self.manager = manager
        self.pusher = pusher
        self.role_arn = credentials.role_arn
        self.warning: CognitoError | None = None
        # Only until the end: a role is refreshed for as long as there is an object that reads its credentials.
        self._credentials: RefreshingCredentials | None = credentials
        self._subject = _subject(manager)
        self._pushed: CachedCredentials | None = None
        self._failures = 0
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

    def start(self) -> None:
        """Starts the thread, and waits for its first push.

        Raises:
            ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another principal (a
                PermissionError).
            UnavailableError: The scheduler could not be reached (a ConnectionError).
        """
        # Dask registered its own exit handler, which closes all clients, before; so this one runs first.
        atexit.register(self.close)
        try:
            if self._loop.ensure_running():
                self._first_push_done.wait()
        except BaseException:
            self.close()
            raise
        if self._pushed is None:
            self.close()
            raise self.warning or _as_cognito_error(None, self.pusher.address)

    def close(self) -> None:
        """Removes the credentials from the workers; a second call does nothing.

        Credentials that a task has already read stay valid until they expire.
        """
        self.closed = True
        self._loop.stop()
        self._loop.join(_CLOSE_TIMEOUT)

    def __repr__(self) -> str:
        state = "closed" if self.closed or self.until is None else f"until {self.until:%Y-%m-%d %H:%M:%S} UTC"
        return f"<DaskShare of {self.role_arn or 'the default role'} with {self.pusher.address}: {state}>"

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
        except Exception as error:  # noqa: BLE001 - Dask raises exceptions of any kind, and the thread must go on
            self._failures += 1
            self.warning = _as_cognito_error(error, self.pusher.address)
            delay = _MIN_DELAY * 2.0 ** min(self._failures, 10)
        else:
            self._failures = 0
            self.warning = None
            if self.pusher.workers is None:
                self.warning = UnavailableError(
                    f"A worker of the Dask cluster at {self.pusher.address} does not respond.",
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
        """Pushes credentials that are new, or that a worker has not confirmed and so may not have received."""
        if cached is not self._pushed or self.pusher.workers is None:
            self.pusher.push(cached, min(_PUSH_TIMEOUT, _seconds_until_due(cached)))
            self._pushed = cached

    def _on_loop_end(self) -> None:
        self.closed = True
        self._unsubscribe()
        try:
            self.pusher.unregister()
        except Exception as error:  # noqa: BLE001 - Dask raises exceptions of any kind; the credentials will expire
            self.warning = _as_cognito_error(error, self.pusher.address)
        self._pushed = self._credentials = None
        self._first_push_done.set()
        atexit.unregister(self.close)


def dask(
    manager: CognitoCredentialsManager, client: Client, role_suffix: str | None = None, *, allow_plaintext: bool = False
) -> DaskShare:
    """Gives a role's credentials to the workers of a Dask cluster, for as long as the user is signed in here.

    In a task boto3, s3fs, pyarrow and polars then need no configuration: each worker process serves its own endpoint,
    which its environment names. Workers that join later get the credentials too, and this package need not be installed
    there. Only short-lived credentials leave this process, never a token of the sign-in; everyone who can connect to
    the scheduler can read them. Workers that are threads of this process are skipped: `share(manager)` serves them.

    Args:
        manager: The sign-in.
        client: A client of the cluster.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        allow_plaintext: Whether the cluster may be on a network that is not encrypted.

    Returns:
        The share. You need not keep a reference to it. A second call for the same client returns the same share; with
        another role it replaces it.

    Raises:
        MissingLibraryError: distributed is not installed (an ImportError).
        SettingError: The client is asynchronous, or the administrator does not allow it (a ValueError).
        ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another user or role (a
            PermissionError).
        UnavailableError: Cognito, AWS or the scheduler could not be reached (a ConnectionError).
        RoleError, RefusedError, CredentialsError: As in `ensure_credentials`.
    """
    from ..endpoint.share import require_sharing_allowed  # late: it loads boto3, and the status needs this module

    require_sharing_allowed()
    import_library("distributed", "dask")
    from ..endpoint.publisher import principal_of
    from .push import WorkerPusher

    if client.asynchronous:
        raise SettingError(
            "This Dask client is asynchronous, and this call would block its event loop.",
            "Call it in a thread: await asyncio.to_thread(sharing.dask, cognito, client).",
        )
    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    principal = principal_of(credentials.get_cached_credentials(), credentials.role_arn)
    # A cell that is run twice must leave one share.
    for existing in running_owners(DaskShare):
        if existing.pusher.client is client and not existing.closed:
            if existing.pusher.principal == principal and existing.manager is manager:
                return existing
            existing.close()
    pusher = WorkerPusher(
        client, principal, configured_region(os.environ) or manager.region, allow_plaintext=allow_plaintext
    )
    share = DaskShare(manager, credentials, pusher)
    share.start()
    return share


def dask_shares(manager: CognitoCredentialsManager) -> list[DaskShare]:
    """Returns the open shares of a sign-in with Dask clusters."""
    return [share for share in running_owners(DaskShare) if share.manager is manager and not share.closed]


def _seconds_until_due(cached: CachedCredentials) -> float:
    """Seconds until credentials have to be replaced, or until the clock has to be read again."""
    due = cached.expires_at - cached.lifetime * (1 - _REFRESH_AFTER)
    return min(_MAX_DELAY, max(_MIN_DELAY, due - time.time()))


def _subject(manager: CognitoCredentialsManager) -> Subject | None:
    """The user who is signed in; None: no user is."""
    return subject_of(manager.claims) if manager.auth_tokens is not None else None


def _as_cognito_error(error: Exception | None, address: str) -> CognitoError:
    if isinstance(error, CognitoError):
        return error
    reason = type(error).__name__ if error is not None else "the client is closed"
    # A plain ConnectionError is the plugin's own, whose message is meant for the user.
    reason = f"{reason}: {error}" if type(error) is ConnectionError else reason
    return UnavailableError(
        f"The Dask cluster at {address} did not accept the credentials ({reason}).",
        "Check that client.nthreads() responds, and call it again.",
    )
