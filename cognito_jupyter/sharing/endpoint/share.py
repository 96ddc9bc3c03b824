"""A share: one sign-in's credentials for everything on this machine that knows the container endpoint.

What the environment says counts for this process and for those that it starts. Each of them asks the endpoint by
itself, and again before its keys are over. Source:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote

from ..._util.redaction import redacted
from ...errors import RefusedError
from . import environment as env
from .default_session import DefaultSessionOverride
from .process import EndpointProcess
from .publisher import RolePublisher

if TYPE_CHECKING:
    from ...credentials.manager import CognitoCredentialsManager

_MAX_DELAY = 15.0
"""Seconds between two looks at the credentials: a laptop that slept finds them renewed soon after."""
_MIN_DELAY = 0.1


@dataclass(frozen=True)
class SharedRole:
    """One role that is shared, as it stands; nothing of it is secret.

    Attributes:
        role_arn: None where the identity pool's default role decides.
        url: Where it is asked for.
        in_environment: Whether the environment names it.
        until: Until when clients use the keys handed out now, which are renewed before; None: there are none.
        last_request: When somebody asked for it last; None: nobody has yet.
        request_count: How often.
        warning: Why nothing good can be handed out; None: something can.
    """

    role_arn: str | None
    url: str
    in_environment: bool
    until: datetime | None
    last_request: datetime | None
    request_count: int
    warning: str | None


def share(  # noqa: PLR0913 - all but two by name
    manager: CognitoCredentialsManager,
    role_suffixes: Sequence[str | None] | None = None,
    *,
    default_session: bool = False,
    hide_credentials_file: bool = False,
    region_name: str | None = None,
    environ: MutableMapping[str, str] = os.environ,
) -> Share:
    """Shares a sign-in's credentials: everything started from here that speaks to AWS finds them, and new ones in time.

    A child process answers on 127.0.0.1 with a token that only the environment of this process tells. The environment
    is changed: it names that endpoint, and loses what AWS's SDKs would look at first (keys, a profile's name, a web
    identity). A region is set where the environment names none. `close` puts it all back, but for variables that
    somebody has changed meanwhile. The roles are renewed for as long as they are shared. It closes by itself soon
    after the manager has signed out, and when this process ends.

    Of several shares in one environment the last is to be closed first.

    Args:
        manager: The sign-in.
        role_suffixes: The ends of the roles' ARNs; the environment names the first. None: the role asked for last,
            else the first available one.
        default_session: Whether `boto3.client(...)` in this process is to use them too, also where somebody has used
            it before.
        hide_credentials_file: Whether to hide the shared credentials file with all its profiles: its default profile
            is looked at before the endpoint.
        region_name: The region for an environment that names none; None: the manager's.
        environ: The environment to change.

    Returns:
        The share, open; also a context manager, which closes it.

    Raises:
        RoleError: A suffix means none, or several, of the roles (a PermissionError).
        RefusedError: Nobody is signed in, or Cognito refused (a PermissionError).
        UnavailableError: Cognito could not be reached, or the endpoint did not start (a ConnectionError).
    """
    suffixes: Sequence[str | None] = [role_suffixes] if isinstance(role_suffixes, str) else role_suffixes or [None]
    new_share = Share(manager, environ, region_name or manager.region)
    try:
        for suffix in suffixes:
            new_share.add(suffix)
        new_share.select(suffixes[0])
        if hide_credentials_file:
            new_share.hide_credentials_file()
        if default_session:
            new_share.replace_default_session()
    except BaseException:
        new_share.close()
        raise
    return new_share


class Share:
    """What `share` returns: open until it is closed.

    It is not pickled or copied: what it hands out is asked for at the endpoint.

    Attributes:
        manager: Whose credentials.
    """

    def __init__(self, manager: CognitoCredentialsManager, environ: MutableMapping[str, str], region_name: str) -> None:
        self.manager = manager
        self._environ = environ
        self._region = region_name
        self._environment_overlay = env.EnvironmentOverlay(environ)
        self._default_session: DefaultSessionOverride | None = None
        self._publishers: dict[str | None, RolePublisher] = {}
        self._selected: RolePublisher | None = None
        self._wake = threading.Event()
        self._close_lock = threading.Lock()
        self._closed = False
        self._owner_pid = os.getpid()
        self._endpoint = EndpointProcess(self._wake.set)
        self._unsubscribe = manager.on_change(self._wake.set)
        atexit.register(self.close)
        threading.Thread(target=self._publish_until_closed, name="cognito-share", daemon=True).start()

    def __repr__(self) -> str:
        roles = ", ".join(feed.path.removeprefix("/") for feed in self._publishers.values())
        return f"<Share: {roles or 'no role'}{', closed' if self._closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A share is not pickled or copied: it belongs to this process. Others ask its endpoint.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed

    @property
    def alive(self) -> bool:
        """Whether it is open and its endpoint answers."""
        return not self._closed and self._endpoint.alive

    @property
    def roles(self) -> tuple[SharedRole, ...]:
        """The roles as they stand, that which the environment names first; no request is made for it."""
        roles = [self._status(role_arn, feed) for role_arn, feed in list(self._publishers.items())]
        return tuple(sorted(roles, key=lambda role: not role.in_environment))

    def add(self, role_suffix: str | None = None) -> None:
        """Shares one more role; the environment goes on naming the one that it names.

        Raises:
            RoleError, RefusedError, UnavailableError: As `share`.
        """
        self._publisher_for(role_suffix)

    def select(self, role_suffix: str | None = None) -> None:
        """Has the environment name a role, which is shared from now on if it was not.

        Whoever has begun with another role keeps that one, as a boto3 session does.

        Raises:
            RoleError, RefusedError, UnavailableError: As `share`.
        """
        self._selected = self._publisher_for(role_suffix)
        for name in env.OVERRIDING_VARIABLES:
            self._environment_overlay.set(name, None)
        for name, value in self._endpoint_variables(self._selected).items():
            self._environment_overlay.set(name, value)
        if self._default_session is not None:
            self.replace_default_session()

    def hide_credentials_file(self) -> None:
        """Has the environment name an empty file in the place of the shared credentials file."""
        self._environment_overlay.set(env.CREDENTIALS_FILE, str(self._endpoint.write_file("credentials", "")))

    def replace_default_session(self) -> None:
        """Has `boto3.client(...)` in this process use the role that the environment names."""
        self._default_session = self._default_session or DefaultSessionOverride()
        role_arn = self._selected.credentials.role_arn if self._selected is not None else None
        with not_asked_for(self.manager):
            self._default_session.set(self.manager.make_refreshing_session(role_arn, region_name=self._region))

    def environment(self, role_suffix: str | None = None) -> dict[str, str]:
        """The variables that let a process use a role, for one that is to have another than this environment names.

        Args:
            role_suffix: None: the role that the environment names.

        Returns:
            What to add to its environment; its repr shows no value, for the token is in it.

        Raises:
            RoleError, RefusedError, UnavailableError: As `share`.
        """
        publisher = (
            self._selected if role_suffix is None and self._selected is not None else self._publisher_for(role_suffix)
        )
        return redacted(self._endpoint_variables(publisher))

    def close(self) -> None:
        """Ends the endpoint and puts everything back; a second call does nothing, nor does one in a forked process."""
        if os.getpid() != self._owner_pid:
            return
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
        self._unsubscribe()
        atexit.unregister(self.close)
        self._environment_overlay.restore()
        if self._default_session is not None:
            self._default_session.restore()
        self._endpoint.close()
        self._wake.set()

    # -- within

    def _publisher_for(self, role_suffix: str | None) -> RolePublisher:
        if self._closed:
            raise RefusedError("This share is closed.", "Share anew.")
        with not_asked_for(self.manager):
            credentials = self.manager.refreshing_credentials(role_suffix)
        role_arn = credentials.role_arn
        publisher = self._publishers.get(role_arn)
        if publisher is None:
            publisher = RolePublisher(self._free_path(role_arn), credentials, self._endpoint)
            publisher.publish()
            self._publishers[role_arn] = publisher
            self._wake.set()
        return publisher

    def _free_path(self, role_arn: str | None) -> str:
        """The role's name, or that with a number where two roles have the same."""
        path = "/" + quote(role_arn.rpartition("/")[2] if role_arn else "default", safe="")
        used = {feed.path for feed in self._publishers.values()}
        return next(each for each in (path, *(f"{path}-{n}" for n in range(2, len(used) + 3))) if each not in used)

    def _endpoint_variables(self, publisher: RolePublisher) -> dict[str, str]:
        endpoint = self._endpoint
        return env.endpoint_variables(
            endpoint.url + publisher.path, endpoint.token, str(endpoint.token_file), self._region, self._environ
        )

    def _status(self, role_arn: str | None, publisher: RolePublisher) -> SharedRole:
        requests = self._endpoint.request_stats(publisher.path)
        warning = publisher.warning
        if not self.alive and not self._closed:
            warning = "The endpoint has ended before its time. Share anew."
        return SharedRole(
            role_arn,
            self._endpoint.url + publisher.path,
            publisher is self._selected,
            publisher.until if warning is None else None,
            datetime.fromtimestamp(requests.last, UTC) if requests is not None else None,
            requests.count if requests is not None else 0,
            warning,
        )

    def _publish_until_closed(self) -> None:
        """Hands on what is new until the end, in a thread."""
        while not self._closed:
            self._wake.clear()
            if self.manager.auth_tokens is None:
                self.close()
                return
            delay = min((feed.publish() for feed in list(self._publishers.values())), default=_MAX_DELAY)
            self._wake.wait(max(_MIN_DELAY, min(delay, _MAX_DELAY)))


@contextmanager
def not_asked_for(manager: CognitoCredentialsManager) -> Iterator[None]:
    """Sharing a role does not make it the one that the next session without a suffix gets."""
    suffix = manager.last_role_suffix
    try:
        yield
    finally:
        manager.last_role_suffix = suffix
