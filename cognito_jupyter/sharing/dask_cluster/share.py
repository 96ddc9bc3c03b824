"""`dask()`: the workers of a Dask cluster use AWS as the user who is signed in here, for as long as that is so.

User code calls it. `ClusterShare` decides when to push; `WorkerPusher` pushes.
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
    from distributed import Client

    from ...credentials.manager import CognitoCredentialsManager
    from .push import WorkerPusher


class DaskShare(ClusterShare):
    """One role's credentials on the workers of one Dask cluster, as `ClusterShare` describes.

    One thread pushes. It is named after the kernel, so that a worker in the same process recognises it.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Pushes them to the workers.

    Attributes:
        pusher: As given.
    """

    cluster_name = "Dask cluster"
    remedy = "Check that client.nthreads() responds, and call it again."
    pusher: WorkerPusher

    @property
    def last_request(self) -> datetime | None:
        """When a worker's task last requested credentials, to within some seconds; None: never."""
        return self.pusher.last_request

    def cluster_is_new(self) -> bool:
        """Whether the scheduler was started again, and has no credentials for its workers."""
        return not self.pusher.scheduler_knows_it


def dask(
    manager: CognitoCredentialsManager, client: Client, role_suffix: str | None = None, *, allow_plaintext: bool = False
) -> DaskShare:
    """Gives a role's credentials to the workers of a Dask cluster, for as long as the user is signed in here.

    In a task boto3, s3fs, pyarrow and polars then need no configuration: each worker process serves its own endpoint,
    which its environment names. Workers that join later get the credentials too, and this package need not be installed
    there. Only short-lived credentials leave this process, never a token of the sign-in; everyone who can connect to
    the scheduler can read them. This process uses the role too, and so do workers that are threads of it, unless
    something is shared here already: as with `share(manager)`, until the share is closed.

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
    same_cluster = [each for each in running_owners(DaskShare) if each.pusher.client is client]
    existing = reuse_share(same_cluster, manager, principal)
    if existing is not None:
        existing.serve_this_process()
        return existing
    pusher = WorkerPusher(
        client, principal, configured_region(os.environ) or manager.region, allow_plaintext=allow_plaintext
    )
    share = DaskShare(manager, credentials, pusher)
    share.start()
    share.serve_this_process()
    return share
