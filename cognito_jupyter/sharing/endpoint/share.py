"""`share()`: one sign-in's AWS credentials for every program on this machine that supports the container endpoint.

User code and the notebook call it. The environment variables that it sets count for this process and for those that it
starts; each of them reads the endpoint itself, and again before its credentials expire. A share never refreshes
credentials itself: it reads the manager's, which counts as use, and so the manager refreshes them. Source:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote

import boto3

from ..._util.closing import Closeable, NotPicklable
from ..._util.redaction import RedactedVariables
from ..._util.refresh_loop import RefreshLoop
from ...credentials.manager import CognitoCredentialsManager
from ...errors import CognitoError, RefusedError, UnavailableError
from .aws_files import BOTO_CONFIG, boto_config_file
from .environment import CREDENTIALS_FILE, EnvironmentOverlay
from .process import EndpointProcess
from .publisher import RolePublisher

_MAX_DELAY = 15.0
"""Seconds between two looks at the credentials at most: after a laptop has slept, they must be replaced soon."""
_MIN_DELAY = 0.1


@dataclass(frozen=True)
class SharedRole:
    """The state of one shared role; nothing in it is secret.

    Attributes:
        role_arn: The role; None: the identity pool's default role.
        url: The endpoint's URL for it.
        in_environment: Whether the environment names this role.
        until: The expiration of the credentials that clients get now, which are refreshed before; None: there are none.
        last_request: When a client last requested them; None: never.
        request_count: How often clients requested them.
        warning: Why there are no valid credentials; None while there are some.
    """

    role_arn: str | None
    url: str
    in_environment: bool
    until: datetime | None
    last_request: datetime | None
    request_count: int
    warning: CognitoError | None


def share(  # noqa: PLR0913 - all but two are keywords
    manager: CognitoCredentialsManager,
    role_suffixes: Sequence[str | None] | None = None,
    *,
    default_session: bool = False,
    hide_credentials_file: bool = False,
    region_name: str | None = None,
    environ: MutableMapping[str, str] = os.environ,
) -> Share:
    """Shares a sign-in's credentials with every program that is started from this process and uses AWS.

    A child process serves the credentials on 127.0.0.1, to clients that send a token which is only in this process's
    environment. The environment is changed: it names that endpoint, and it loses what AWS SDKs would prefer to it
    (keys, a profile's name, a web identity). A region is set where the environment names none. `close` restores it,
    except for variables that were changed by other code since. The roles are refreshed for as long as they are shared.
    The share closes itself soon after the manager has signed out, and when this process ends.

    Where several shares change one environment, close the last one first.

    Args:
        manager: The sign-in.
        role_suffixes: The ends of the roles' ARNs; the environment names the first. None: the last role used, or else
            the preferred or first one.
        default_session: Whether `boto3.client(...)` in this process uses the role too, even if it was used before.
        hide_credentials_file: Whether to hide the shared credentials file with all its profiles: SDKs prefer its
            default profile to the endpoint. The configuration file of boto 2 is hidden too if it has keys for AWS.
        region_name: The region for an environment that names none; None: the manager's.
        environ: The environment to change.

    Returns:
        The open share. It is also a context manager, which closes it.

    Raises:
        RoleError: A suffix matches no role, or several (a PermissionError).
        RefusedError: The manager is signed out, or Cognito refused (a PermissionError).
        CredentialsError: The identity pool refused to issue credentials (a ConnectionError).
        UnavailableError: Cognito could not be reached, or the endpoint did not start (a ConnectionError).
    """
    suffixes: Sequence[str | None] = [role_suffixes] if isinstance(role_suffixes, str) else role_suffixes or [None]
    role_arns = [manager.resolve_role(suffix) for suffix in suffixes]
    new_share = Share(manager, region_name=region_name, environ=environ)
    try:
        for role_arn in role_arns:
            new_share.add_role(role_arn)
        new_share.select_role(role_arns[0])
        if hide_credentials_file:
            new_share.hide_credentials_file()
        if default_session:
            new_share.replace_default_session()
    except BaseException:
        new_share.close()
        raise
    return new_share


class Share(Closeable, NotPicklable):
    """A set of shared roles, one of which the environment names; `share` makes it, and it is open until it is closed.

    Args:
        manager: The sign-in.
        region_name: The region for an environment that names none; None: the manager's.
        environ: The environment to change.

    Attributes:
        manager: As given.
        closed: Whether the share is closed.
    """

    pickle_error = "A share cannot be pickled or copied: it belongs to this process. Other processes use its endpoint."

    def __init__(
        self,
        manager: CognitoCredentialsManager,
        *,
        region_name: str | None = None,
        environ: MutableMapping[str, str] = os.environ,
    ) -> None:
        self.manager = manager
        self._environ = environ
        self._region = region_name or manager.region
        self._environment_overlay = EnvironmentOverlay(environ)
        self._default_session: boto3.Session | None = None
        self._original_session: boto3.Session | None = None
        self._publishers: dict[str | None, RolePublisher] = {}
        self._selected: RolePublisher | None = None
        self._close_lock = threading.Lock()
        self.closed = False
        self._owner_pid = os.getpid()
        self._loop = RefreshLoop(self._publish_all, name="cognito-share", min_delay=_MIN_DELAY, max_delay=_MAX_DELAY)
        self._endpoint = EndpointProcess(self._loop.wake)
        self._unsubscribe = manager.on_change(self._loop.wake)
        atexit.register(self.close)
        self._loop.ensure_running()

    def __repr__(self) -> str:
        roles = ", ".join(publisher.path.removeprefix("/") for publisher in self._publishers.values())
        return f"<Share: {roles or 'no role'}{', closed' if self.closed else ''}>"

    @property
    def alive(self) -> bool:
        """Whether the share is open and its endpoint runs."""
        return not self.closed and self._endpoint.alive

    @property
    def roles(self) -> tuple[SharedRole, ...]:
        """The shared roles, the one that the environment names first; reading it makes no request."""
        roles = [self._status(role_arn, publisher) for role_arn, publisher in list(self._publishers.items())]
        return tuple(sorted(roles, key=lambda role: not role.in_environment))

    def add(self, role_suffix: str | None = None) -> None:
        """Shares one more role; the environment still names the same one.

        Args:
            role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        self.add_role(self.manager.resolve_role(role_suffix))

    def select(self, role_suffix: str | None = None) -> None:
        """Has the environment name a role, and shares it if it is not shared yet.

        A program that already uses another role keeps it, as a boto3 session does.

        Args:
            role_suffix: As in `add`.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        self.select_role(self.manager.resolve_role(role_suffix))

    def environment(self, role_suffix: str | None = None) -> dict[str, str]:
        """Returns the variables for a process that is to use another role than this environment names.

        Args:
            role_suffix: The end of the role's ARN; None: the role that the environment names.

        Returns:
            What to add to the process's environment. Its repr shows no value, because the token is in it.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        if role_suffix is None and self._selected is not None:
            publisher = self._selected
        else:
            publisher = self.add_role(self.manager.resolve_role(role_suffix))
        return cast(
            "dict[str, str]",
            RedactedVariables(self._endpoint.variables(publisher.path, self._region, self._environ)),
        )

    def add_role(self, role_arn: str | None) -> RolePublisher:
        """Shares a role by its ARN, if it is not shared yet; None: the identity pool's default role.

        Returns:
            The role's publisher.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        if self.closed:
            raise RefusedError("This share is closed.", "Call share(...) again.")
        publisher = self._publishers.get(role_arn)
        if publisher is None:
            credentials = self.manager.credentials_for_role(role_arn)
            publisher = RolePublisher(self._free_path(role_arn), credentials, self._endpoint)
            publisher.publish()
            self._publishers[role_arn] = publisher
            self._loop.wake()
        return publisher

    def select_role(self, role_arn: str | None) -> None:
        """Has the environment name a role, given by its ARN, as `select` does.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        self._selected = publisher = self.add_role(role_arn)
        variables = self._endpoint.variables(publisher.path, self._region, self._environ)
        self._environment_overlay.point_to_endpoint(variables)
        if self._default_session is not None:
            self.replace_default_session()

    def hide_credentials_file(self) -> None:
        """Has the environment name an empty file in place of the shared credentials file, and of boto 2's keys."""
        empty_file = str(self._endpoint.write_file("credentials", ""))
        self._environment_overlay.set(CREDENTIALS_FILE, empty_file)
        # Only if it has keys for AWS: other programs read other settings there.
        if boto_config_file(self._environ) is not None:
            self._environment_overlay.set(BOTO_CONFIG, empty_file)

    def replace_default_session(self) -> None:
        """Has `boto3.client(...)` in this process use the role that the environment names."""
        role_arn = self._selected.credentials.role_arn if self._selected is not None else None
        session = self.manager.session_for_role(role_arn, region_name=self._region)
        if boto3.DEFAULT_SESSION is not self._default_session:
            self._original_session = boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION = self._default_session = session

    def close(self) -> None:
        """Ends the endpoint and restores everything; a second call and a call in a forked process do nothing."""
        if os.getpid() != self._owner_pid:
            return
        with self._close_lock:
            if self.closed:
                return
            self.closed = True
        self._unsubscribe()
        atexit.unregister(self.close)
        self._environment_overlay.restore()
        # Other code may have set another default session since.
        if self._default_session is not None and boto3.DEFAULT_SESSION is self._default_session:
            boto3.DEFAULT_SESSION = self._original_session
        self._endpoint.close()
        self._loop.stop()

    def _publish_all(self) -> float | None:
        """Publishes what is new; returns the seconds until the next call, or None once the share is closed."""
        if self.manager.auth_tokens is None:
            self.close()
        if self.closed:
            return None
        return min((publisher.publish() for publisher in list(self._publishers.values())), default=_MAX_DELAY)

    def _free_path(self, role_arn: str | None) -> str:
        """The role's name, with a number where two roles have the same name."""
        path = "/" + quote(role_arn.rpartition("/")[2] if role_arn else "default", safe="")
        used = {publisher.path for publisher in self._publishers.values()}
        return next(each for each in (path, *(f"{path}-{n}" for n in range(2, len(used) + 3))) if each not in used)

    def _status(self, role_arn: str | None, publisher: RolePublisher) -> SharedRole:
        requests = self._endpoint.request_stats(publisher.path)
        warning = publisher.warning
        if not self.alive and not self.closed:
            warning = UnavailableError("The endpoint that shares credentials has stopped.", "Share them again.")
        return SharedRole(
            role_arn,
            self._endpoint.url + publisher.path,
            publisher is self._selected,
            publisher.until if warning is None else None,
            datetime.fromtimestamp(requests.last, UTC) if requests is not None else None,
            requests.count if requests is not None else 0,
            warning,
        )
