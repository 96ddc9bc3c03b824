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
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import boto3

from ..._util.closing import Closeable, NotPicklable
from ..._util.redaction import RedactedVariables
from ..._util.refresh_loop import RefreshLoop
from ...credentials.manager import CognitoCredentialsManager
from ...errors import CognitoError, RefusedError, UnavailableError
from .aws_files import BOTO_CONFIG, boto_config_file, configured_region
from .environment import CREDENTIALS_FILE, FULL_URI, endpoint_changes
from .kernel_endpoint import get_kernel_endpoint
from .library_caches import look_for_credentials_again
from .machine_role import machine_role
from .publisher import RolePublisher, principal_of

_MAX_DELAY = 15.0
"""Seconds between two looks at the credentials at most: after a laptop has slept, they must be replaced soon."""
_MIN_DELAY = 0.1

_SHARE_AGAIN = "Call share(...) again."


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
    (keys, a profile's name, a web identity). Both variables of the region are set: to the region that the user has
    configured for AWS, or else to Cognito's. `close` restores it, except for variables that were changed by other code
    since. The roles are refreshed for as long as they are shared.
    The share closes itself when the manager signs out, and when this process ends.

    All shares of this process, whatever their sign-in, use one endpoint, which lasts as long as the process. A program
    that found it under an earlier share of the same user and role goes on with this one. Where several shares are open,
    the environment names what the latest of them shares.

    Args:
        manager: The sign-in.
        role_suffixes: The ends of the roles' ARNs; the environment names the first. None: the last role used, or else
            the preferred or first one.
        default_session: Whether `boto3.client(...)` in this process uses the role too, even if it was used before.
        hide_credentials_file: Whether to hide the shared credentials file with all its profiles: SDKs prefer its
            default profile to the endpoint. The configuration file of boto 2 is hidden too if it has keys for AWS.
        region_name: The region where the environment names none; None: that of the AWS profile, or else the manager's.
        environ: The environment to change.

    Returns:
        The open share. It is also a context manager, which closes it.

    Raises:
        SettingError: The administrator of this computer does not allow it (a ValueError).
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


def require_sharing_allowed() -> None:
    """Checks that the administrator of this computer has not locked `share`.

    Raises:
        SettingError: They have.
    """
    from ...settings.layers import require_not_forbidden

    require_not_forbidden("share", "share a sign-in", "Use the session in the notebook: it needs no share.")


class Share(Closeable, NotPicklable):
    """A set of shared roles, one of which the environment names; `share` makes it, and it is open until it is closed.

    Args:
        manager: The sign-in.
        region_name: The region where the environment names none; None: that of the AWS profile, or else the manager's.
        environ: The environment to change.

    Attributes:
        manager: As given.
        machine_role: Whose role it takes the place of until it is closed, in words that follow "the role of"; None: no
            machine's.
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
        require_sharing_allowed()
        self.manager = manager
        self._hidden_files: dict[str, str] = {}
        self._default_session: boto3.Session | None = None
        self._original_session: boto3.Session | None = None
        self._publishers: dict[str | None, RolePublisher] = {}
        self._selected: RolePublisher | None = None
        self._close_lock = threading.Lock()
        self.closed = False
        self._owner_pid = os.getpid()
        self._loop = RefreshLoop(self._publish_all, name="cognito-share", min_delay=_MIN_DELAY, max_delay=_MAX_DELAY)
        kernel_endpoint = get_kernel_endpoint()
        self._kernel_endpoint = kernel_endpoint
        self._endpoint = kernel_endpoint.start()
        self._environment = kernel_endpoint.environment_of(environ)
        original = self._environment.original()
        self._region = region_name or configured_region(original) or manager.region
        self.machine_role = machine_role(original)
        self._unsubscribe = (kernel_endpoint.subscribe(self._loop.wake), manager.on_change(self._on_change))
        atexit.register(self.close)
        self._loop.ensure_running()

    def __repr__(self) -> str:
        roles = ", ".join(publisher.path.removeprefix("/") for publisher in list(self._publishers.values()))
        return f"<Share: {roles or 'no role'}{', closed' if self.closed else ''}>"

    @property
    def alive(self) -> bool:
        """Whether the share is open and its endpoint runs."""
        return not self.closed and self._endpoint.alive

    @property
    def roles(self) -> tuple[SharedRole, ...]:
        """The shared roles, the one that the environment names first; reading it makes no request."""
        roles = [self._status(role_arn, publisher) for role_arn, publisher in self._publishers.copy().items()]
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
        """Returns the variables for a process that is to use another role, or that does not inherit this environment.

        Args:
            role_suffix: The end of the role's ARN; None: the role that the environment names.

        Returns:
            The process's environment, or what to add to it. Its repr shows no value, because the token is in it.

        Raises:
            RoleError, RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        if role_suffix is None and self._selected is not None:
            publisher = self._selected
        else:
            publisher = self.add_role(self.manager.resolve_role(role_suffix))
        variables = self._variables(publisher) | self._hidden_files
        return cast("dict[str, str]", RedactedVariables(variables))

    def add_role(self, role_arn: str | None) -> RolePublisher:
        """Shares a role by its ARN, if it is not shared yet; None: the identity pool's default role.

        Returns:
            The role's publisher.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        if self.closed:
            raise RefusedError("This share is closed.", _SHARE_AGAIN)
        publisher = self._publishers.get(role_arn)
        if publisher is None:
            if os.getpid() != self._owner_pid:
                raise RefusedError("This share belongs to the process from which this one was forked.", _SHARE_AGAIN)
            publisher = self._open_publisher(role_arn)
            publisher.publish()
            # A program that is started at once must not come before the credentials.
            self._endpoint.wait_until_handled()
            self._loop.wake()
        return publisher

    def select_role(self, role_arn: str | None) -> None:
        """Has the environment name a role, given by its ARN, as `select` does.

        Raises:
            RefusedError, CredentialsError, UnavailableError: As in `share`.
        """
        self._selected = publisher = self.add_role(role_arn)
        variables = self._variables(publisher)
        earlier = self._environment.environ.get(FULL_URI)
        self._environment.change(self, endpoint_changes(variables))
        if earlier != variables[FULL_URI]:
            look_for_credentials_again()
        if self._default_session is not None:
            self.replace_default_session()

    def hide_credentials_file(self) -> None:
        """Has the environment name an empty file in place of the shared credentials file, and of boto 2's keys."""
        empty_file = str(self._endpoint.write_file("credentials", ""))
        self._hidden_files[CREDENTIALS_FILE] = empty_file
        # Only if it has keys for AWS: other programs read other settings there.
        if boto_config_file(self._environment.original()) is not None:
            self._hidden_files[BOTO_CONFIG] = empty_file
        self._environment.change(self, dict(self._hidden_files))
        look_for_credentials_again()

    def replace_default_session(self) -> None:
        """Has `boto3.client(...)` in this process use the role that the environment names."""
        role_arn = self._selected.role_arn if self._selected is not None else None
        session = self.manager.session_for_role(role_arn, region_name=self._region)
        if boto3.DEFAULT_SESSION is not self._default_session:
            self._original_session = boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION = self._default_session = session

    def close(self) -> None:
        """Ends the share and restores everything; a second call and a call in a forked process do nothing.

        Whoever requests its credentials from the endpoint is refused from now on, until they are shared again.
        """
        if os.getpid() != self._owner_pid:
            return
        with self._close_lock:
            if self.closed:
                return
            self.closed = True
        for publisher in list(self._publishers.values()):
            publisher.withdraw()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        atexit.unregister(self.close)
        self._environment.restore(self)
        # Other code may have set another default session since.
        if self._default_session is not None and boto3.DEFAULT_SESSION is self._default_session:
            boto3.DEFAULT_SESSION = self._original_session
        look_for_credentials_again()
        self._loop.stop()
        with suppress(UnavailableError):
            self._endpoint.wait_until_handled()

    def _on_change(self) -> None:
        """Closes the share at once when the manager has signed out; otherwise the thread looks for new credentials."""
        if self.manager.auth_tokens is None:
            self.close()
        self._loop.wake()

    def _publish_all(self) -> float | None:
        """Publishes what is new; returns the seconds until the next call, or None once the share is closed."""
        if self.manager.auth_tokens is None:
            self.close()
        if self.closed:
            return None
        return min((publisher.publish() for publisher in list(self._publishers.values())), default=_MAX_DELAY)

    def _open_publisher(self, role_arn: str | None) -> RolePublisher:
        """Returns a publisher for a role, at the path that this user in this role always has."""
        credentials = self.manager.credentials_for_role(role_arn)
        principal = principal_of(credentials.get_cached_credentials(), role_arn)
        role_name = role_arn.rpartition("/")[2] if role_arn else "default"
        publication = self._kernel_endpoint.open_publication(principal, role_name)
        # Requests of an earlier share may not have been reported yet; this one would count them.
        self._endpoint.wait_until_handled()
        earlier = self._endpoint.request_stats(publication.path)
        publisher = RolePublisher(credentials, publication, earlier.count if earlier is not None else 0)
        with self._close_lock:
            if not self.closed:
                self._publishers[role_arn] = publisher
                return publisher
        publisher.withdraw()
        raise RefusedError("This share is closed.", _SHARE_AGAIN)

    def _variables(self, publisher: RolePublisher) -> dict[str, str]:
        return self._endpoint.variables(publisher.path, self._region, self._environment.original())

    def _status(self, role_arn: str | None, publisher: RolePublisher) -> SharedRole:
        requests = self._endpoint.request_stats(publisher.path)
        request_count = requests.count - publisher.requests_before if requests is not None else 0
        warning = publisher.warning
        if not self.alive and not self.closed:
            warning = UnavailableError("The endpoint that shares credentials has stopped.", "Share them again.")
        return SharedRole(
            role_arn,
            self._endpoint.url + publisher.path,
            publisher is self._selected,
            publisher.until if warning is None else None,
            datetime.fromtimestamp(requests.last, UTC) if requests is not None and request_count > 0 else None,
            request_count,
            warning,
        )
