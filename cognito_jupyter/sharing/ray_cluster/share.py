"""`ray()`: the workers of a Ray cluster use AWS as the user who is signed in here, for as long as that is so.

User code calls it. `ClusterShare` decides when to push; `RayPusher` pushes.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from ..._util.refresh_loop import running_owners
from ...errors import SettingError
from ..cluster.share import ClusterShare, reuse_share
from ..endpoint.aws_files import configured_region
from ..extras import import_library

if TYPE_CHECKING:
    from ...credentials.manager import CognitoCredentialsManager
    from .push import RayPusher
    from .worker_setup import WorkerSetup


class RayShare(ClusterShare):
    """One role's credentials on the workers of one Ray job, as `ClusterShare` describes.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Pushes them to the workers.

    Attributes:
        pusher: As given.
    """

    cluster_name = "Ray cluster"
    remedy = "Check that ray.nodes() responds, and call it again."
    pusher: RayPusher

    @property
    def last_request(self) -> datetime | None:
        """When a worker's program last requested credentials, to within half a minute; None: never."""
        return self.pusher.last_request

    def cluster_is_new(self) -> bool:
        """Whether the actor with the credentials has ended; the thread calls it."""
        return self.pusher.has_lost_credentials()

    @property
    def worker_setup(self) -> WorkerSetup:
        """Sets up the process of an actor that was created before the share.

        Call it there: `ray.get(actor.__ray_call__.remote(share.worker_setup))`. It holds nothing secret.
        """
        return self.pusher.worker_setup


def ray(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, allow_plaintext: bool = False
) -> RayShare:
    """Gives a role's credentials to the workers of the connected Ray cluster, while the user is signed in here.

    In the tasks and actors that this kernel starts from now on, boto3, s3fs, pyarrow and polars need no configuration:
    each worker process serves its own endpoint, which its environment names. So do those that Ray's libraries start. An
    actor of this kernel holds the newest credentials; this package need not be installed on the cluster. Only
    short-lived credentials leave this process, never a token of the sign-in; everyone who can connect to the cluster
    can read them.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        allow_plaintext: Whether the cluster may be on a network that is not encrypted.

    Returns:
        The share. You need not keep a reference to it. A second call returns the same share; with another role it
        replaces it.

    Raises:
        MissingLibraryError: Ray is not installed (an ImportError).
        SettingError: Ray is not connected, or by Ray Client, or the administrator does not allow it (a ValueError).
        ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another user or role (a
            PermissionError).
        UnavailableError: Cognito, AWS or the cluster could not be reached (a ConnectionError).
        RoleError, RefusedError, CredentialsError: As in `ensure_credentials`.
    """
    from ..endpoint.share import require_sharing_allowed  # late: it loads boto3, and the status needs this module

    require_sharing_allowed()
    library = import_library("ray", "ray")
    if library.util.client.ray.is_connected():
        raise SettingError(
            "Worker processes cannot be set up through Ray Client (ray://).",
            "Run the kernel on a machine of the cluster, and connect by ray.init(address='auto').",
        )
    if not library.is_initialized():
        raise SettingError("This kernel is not connected to a Ray cluster.", "Call ray.init() first.")
    from ..endpoint.publisher import principal_of
    from .push import RayPusher

    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    principal = principal_of(credentials.get_cached_credentials(), credentials.role_arn)
    # A cell that is run twice must leave one share.
    existing = reuse_share(running_owners(RayShare), manager, principal)
    if existing is not None:
        return existing
    pusher = RayPusher(principal, configured_region(os.environ) or manager.region, allow_plaintext=allow_plaintext)
    share = RayShare(manager, credentials, pusher)
    share.start()
    return share
