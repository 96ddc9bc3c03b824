"""`spark()`: a Spark application reads S3 as the user who is signed in here, for as long as that is so.

User code calls it. `ClusterShare` decides when to push; `SparkPusher` pushes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._util.refresh_loop import running_owners
from ...errors import SettingError
from ..cluster.share import ClusterShare, reuse_share
from ..extras import import_library

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    from ...credentials.manager import CognitoCredentialsManager
    from .push import SparkPusher


class SparkShare(ClusterShare):
    """One role's credentials in one Spark application, as `ClusterShare` describes.

    It ends with the application too, within half a minute.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        pusher: Pushes them into the application.

    Attributes:
        pusher: As given.
    """

    cluster_name = "Spark application"
    workers_report = False  # the executors sign by themselves
    remedy = "Check that spark.range(1).count() responds, and call it again."
    pusher: SparkPusher


def spark(
    manager: CognitoCredentialsManager,
    session: SparkSession,
    role_suffix: str | None = None,
    *,
    allow_plaintext: bool = False,
) -> SparkShare:
    """Gives a role's credentials to a running Spark application, for as long as the user is signed in here.

    The driver and the executors then read and write `s3a://` paths as the user. New credentials arrive before half of
    the old ones' lifetime is over, also for DataFrames, RDDs and queries that began before, and at executors that start
    later. Only short-lived credentials leave this process, never a token of the sign-in. No setting of Spark's holds
    them. Python functions that run on the executors find none.

    With a local master you do not need it: call `share(manager)` before you start Spark.

    Args:
        manager: The sign-in.
        session: A session of the application, whose driver is a child process of this one. The application's other
            sessions read with the same credentials.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        allow_plaintext: Whether the application may be on a network that is not encrypted.

    Returns:
        The share. You need not keep a reference to it. A second call for the same application returns the same share;
        with another role it replaces it.

    Raises:
        MissingLibraryError: pyspark is not installed (an ImportError).
        SettingError: The session is one of Spark Connect, or the administrator does not allow it (a ValueError).
        ClusterRefusedError: Others on the network could read the credentials (a PermissionError).
        UnavailableError: Cognito, AWS or Spark could not be reached (a ConnectionError).
        RoleError, RefusedError, CredentialsError: As in `ensure_credentials`.
    """
    from ..endpoint.share import require_sharing_allowed  # late: it loads boto3, and the status needs this module

    require_sharing_allowed()
    import_library("pyspark", "spark")
    from ..endpoint.publisher import principal_of
    from .push import SparkPusher

    context = _context_of(session)
    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    principal = principal_of(credentials.get_cached_credentials(), credentials.role_arn)
    # A cell that is run twice must leave one share.
    same_application = [each for each in running_owners(SparkShare) if each.pusher.context is context]
    existing = reuse_share(same_application, manager, principal)
    if existing is not None:
        return existing
    share = SparkShare(manager, credentials, SparkPusher(context, principal, allow_plaintext=allow_plaintext))
    share.start()
    return share


def _context_of(session: SparkSession) -> SparkContext:
    try:
        return session.sparkContext
    except Exception:  # noqa: BLE001 - Spark Connect raises an error of its own, which has moved between versions
        raise SettingError(
            "This is a session of Spark Connect, whose driver is not a child process of this one.",
            "Call it for a session whose driver is: SparkSession.builder.master(...).getOrCreate().",
        ) from None
