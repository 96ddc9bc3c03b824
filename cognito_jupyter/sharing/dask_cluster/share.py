"""dask(): the workers of a Dask cluster use AWS as the person who is signed in here, for as long as that is so."""

from __future__ import annotations

import atexit
import threading
import time
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from ...errors import ClusterRefusedError, CognitoError, SettingError, UnavailableError
from ...oauth.tokens import Subject, subject_of
from ..adapters.extras import import_library

if TYPE_CHECKING:
    from distributed import Client

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials
    from .push import WorkerPusher

_REFRESH_AFTER = 0.4
"""Of their life: so that new ones are everywhere before half of it is gone."""
_MAX_DELAY = 30.0
"""Seconds after which the clock is read again: a laptop sleeps, and its waiting threads do not notice."""
_MIN_DELAY = 0.25
_CLOSE_TIMEOUT = 5.0
"""Seconds that whoever closes a share waits for the cluster to hear of it."""
_PUSH_TIMEOUT = 20.0
"""Seconds that the workers have to answer a push, where new credentials are not due sooner."""
_FIRST_ATTEMPTS = 3
"""To make the first push: a worker that goes just then, one of many, is no reason to give up."""


class DaskShare:
    """One role's credentials on the workers of one Dask cluster, replaced before half of their life is gone.

    It ends with `close()`, with a `with`, when the person signs out or somebody else signs in, and with its client; the
    workers' environment is then what it was. While Cognito or the scheduler cannot be reached it tries again.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Takes them to the workers.

    Attributes:
        manager, pusher: As given.
        role_arn: The role; None: the identity pool's default.
        warning: Why the last attempt to renew or to push failed; None where it did not.
    """

    def __init__(
        self, manager: CognitoCredentialsManager, credentials: RefreshingCredentials, pusher: WorkerPusher
    ) -> None:
        self.manager = manager
        self.pusher = pusher
        self.role_arn = credentials.role_arn
        self.warning: Exception | None = None
        self._subject = _subject(manager)
        self._pushed: CachedCredentials | None = None
        self._failures = 0
        self._wake, self._first_push_done = threading.Event(), threading.Event()
        self._closing = False
        self._thread = _PushThread(self, credentials)

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._closing

    @property
    def until(self) -> datetime | None:
        """When the credentials that the workers have end; None before the first push, and after the end."""
        return self._pushed.expiration if self._pushed is not None else None

    def start(self) -> None:
        """Makes the first push, and from then on pushes in a thread.

        Raises:
            ClusterRefusedError: The credentials may not travel there, or somebody else's are there (a PermissionError).
            UnavailableError: The scheduler could not be reached (a ConnectionError).
        """
        # Dask's own way out closes all clients; it was registered before, so that this comes first.
        atexit.register(self.close)
        self._thread.start()
        try:
            self._first_push_done.wait()
        except BaseException:
            self.close()
            raise
        if self._pushed is None:
            self.close()
            raise _as_cognito_error(self.warning, self.pusher.address)

    def close(self) -> None:
        """Takes the credentials from the workers; a second call does nothing.

        What a task has read before stays good until it expires.
        """
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed or self.until is None else f"until {self.until:%Y-%m-%d %H:%M:%S} UTC"
        return f"<DaskShare of {self.role_arn or 'the default role'} with {self.pusher.address}: {state}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A share is not pickled or copied: it belongs to the kernel that made it.")

    # -- in its own thread

    def push_until_closed(self, credentials: RefreshingCredentials) -> None:
        """Pushes whenever there is something new, until nobody wants it any more."""
        unsubscribe = self.manager.on_change(self._wake.set)
        try:
            while self._should_continue():
                delay = self._run_once(credentials)
                if self._pushed is not None or self._failures >= _FIRST_ATTEMPTS:
                    self._first_push_done.set()
                # What the round itself changed is no news; what else came meanwhile is looked at before the rest.
                self._wake.clear()
                if self._should_continue():
                    self._wake.wait(delay)
        finally:
            unsubscribe()
            self._withdraw()

    def _should_continue(self) -> bool:
        return not self._closing and self.pusher.connected and _subject(self.manager) == self._subject

    def _run_once(self, credentials: RefreshingCredentials) -> float:
        """Renews and pushes what is due; returns the seconds until something else is."""
        try:
            self._push(credentials, credentials.get_cached_credentials())
        except ClusterRefusedError as error:
            self.warning, self._closing = error, True
        except Exception as error:  # noqa: BLE001 - Dask raises what it likes; the thread has to outlive it all
            self.warning, self._failures = error, self._failures + 1
            return min(_MAX_DELAY, _MIN_DELAY * 2.0 ** min(self._failures, 10))
        else:
            self.warning, self._failures = _unresponsive_worker(self.pusher), 0
        return self._delay()

    def _push(self, credentials: RefreshingCredentials, current: CachedCredentials) -> None:
        """Pushes what is held, or what takes its place where too little of its life is left."""
        try:
            newest = credentials.get_credentials_valid_for(current.lifetime * (1 - _REFRESH_AFTER))
        except CognitoError:
            # Still good for a while.
            self._push_if_new(current)
            raise
        self._push_if_new(newest)

    def _push_if_new(self, snapshot: CachedCredentials) -> None:
        """Also once more, where a worker has not answered: what was sent to it may be lost."""
        if snapshot is not self._pushed or self.pusher.workers is None:
            self.pusher.push(snapshot, min(_PUSH_TIMEOUT, _delay_until_due(snapshot)))
            self._pushed = snapshot

    def _delay(self) -> float:
        return _delay_until_due(self._pushed) if self._pushed is not None else 0.0

    def _withdraw(self) -> None:
        self._closing = True
        try:
            self.pusher.unregister()
        except Exception as error:  # noqa: BLE001 - likewise; what is there expires by itself
            self.warning = error
        self._pushed = None
        self._first_push_done.set()
        atexit.unregister(self.close)


class _PushThread(threading.Thread):
    """The thread that keeps a share fresh; a worker that is in the same process knows it by its name.

    It alone holds the credentials, and only until it ends: they would be renewed for as long as somebody holds them.
    """

    def __init__(self, share: DaskShare, credentials: RefreshingCredentials) -> None:
        super().__init__(target=share.push_until_closed, args=(credentials,), name=share.pusher.kernel_id, daemon=True)
        self.share = share


def dask(
    manager: CognitoCredentialsManager,
    client: Client,
    role_suffix: str | None = None,
    *,
    allow_plaintext: bool = False,
) -> DaskShare:
    """Gives a Dask cluster's workers a role's credentials, for as long as the person is signed in here.

    In a task boto3, s3fs, pyarrow and polars then need nothing: each worker process serves itself an endpoint of its
    own, which its environment names. Workers that join later have it too, and need not have this package. Only
    short-lived credentials leave this process, never a token of the sign-in; whoever may connect to the scheduler can
    read them. Workers that are threads of this process are left alone: `share(manager)` serves them with it.

    Args:
        manager: The sign-in.
        client: Connected to the cluster.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
        allow_plaintext: Whether the cluster may be on a network that is not encrypted.

    Returns:
        The share, which need not be kept. A second call for the same client returns the same one, or for another role
        takes its place.

    Raises:
        MissingLibraryError: distributed is not installed (an ImportError).
        SettingError: The client is asynchronous (a ValueError).
        ClusterRefusedError: The cluster is on a network in clear, or has somebody else's credentials (a
            PermissionError).
        UnavailableError: Cognito, AWS or the scheduler refused or could not be reached (a ConnectionError).
        RoleError, RefusedError: As `ensure_credentials`.
    """
    import_library("distributed", "dask")
    from ..endpoint.share import not_asked_for
    from .push import WorkerPusher, principal_of

    if client.asynchronous:
        raise SettingError(
            "This Dask client is asynchronous, and would wait for itself here.",
            "Call it in a thread: await asyncio.to_thread(sharing.dask, cognito, client).",
        )
    with not_asked_for(manager):
        credentials = manager.refreshing_credentials(role_suffix)
    principal = principal_of(credentials.get_cached_credentials(), credentials.role_arn)
    existing = _existing_share(client)
    if existing is not None and existing.pusher.principal == principal and existing.manager is manager:
        return existing
    if existing is not None:
        existing.close()
    share = DaskShare(
        manager, credentials, WorkerPusher(client, principal, manager.region, allow_plaintext=allow_plaintext)
    )
    share.start()
    return share


def dask_shares(manager: CognitoCredentialsManager) -> list[DaskShare]:
    """What is shared of a sign-in with Dask clusters, for as long as it is."""
    return [share for share in _open_shares() if share.manager is manager]


def _existing_share(client: Client) -> DaskShare | None:
    """The share that a client has already: a cell that is run twice makes one."""
    return next((share for share in _open_shares() if share.pusher.client is client), None)


def _open_shares() -> list[DaskShare]:
    threads = [thread for thread in threading.enumerate() if isinstance(thread, _PushThread)]
    return [thread.share for thread in threads if not thread.share.closed]


def _delay_until_due(snapshot: CachedCredentials) -> float:
    """Seconds until others are to take their place, or until the clock is to be read again."""
    due = snapshot.expires_at - snapshot.lifetime * (1 - _REFRESH_AFTER)
    return min(_MAX_DELAY, max(_MIN_DELAY, due - time.time()))


def _subject(manager: CognitoCredentialsManager) -> Subject | None:
    """Who is signed in."""
    return subject_of(manager.claims) if manager.auth_tokens is not None else None


def _unresponsive_worker(pusher: WorkerPusher) -> UnavailableError | None:
    """What is to be told of a push that not all workers have answered."""
    if pusher.workers is not None:
        return None
    return UnavailableError(
        f"A worker of the Dask cluster at {pusher.address} does not answer.",
        "It gets the credentials as soon as it does; the other workers have them.",
    )


def _as_cognito_error(error: Exception | None, address: str) -> CognitoError:
    if isinstance(error, CognitoError):
        return error
    kind = type(error).__name__ if error is not None else "the client is closed"
    # A worker's own words, when they are.
    kind = f"{kind}: {error}" if type(error) is ConnectionError else kind
    return UnavailableError(
        f"The Dask cluster at {address} did not take the credentials ({kind}).",
        "See whether client.nthreads() answers, and call it again.",
    )
