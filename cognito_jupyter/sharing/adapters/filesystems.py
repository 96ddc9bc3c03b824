"""A role's credentials as other libraries take them: each adapter is a few lines over the live credentials.

They are for what the environment cannot serve, and for a second role beside the one that is shared: each of them
serves its own role, however many there are. What they return renews itself and belongs to this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn, TypedDict

from .extras import import_library

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from pyarrow.fs import FileSystem

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials

PolarsCredentials = tuple[dict[str, str], int | None]
"""What a credential provider returns to polars: object_store's settings, and seconds since the epoch."""


class ObstoreCredentials(TypedDict):
    """What a credential provider returns to obstore; its own name for it is S3Credential."""

    access_key_id: str
    secret_access_key: str
    token: str | None
    expires_at: datetime | None


def s3fs_session(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> AioSession:
    """An aiobotocore session whose credentials renew themselves, for s3fs and whatever is built on it.

    `s3fs.S3FileSystem(session=s3fs_session(cognito))`; in pandas
    `storage_options={"session": s3fs_session(cognito)}`; for every s3:// address of this process
    `fsspec.config.conf["s3"] = {"session": s3fs_session(cognito)}`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
        region_name: The session's region; None: the manager's.

    Raises:
        MissingLibraryError: aiobotocore is not installed (an ImportError).
        RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
    """
    import_library("aiobotocore", "s3fs")
    from .aio import aio_session

    return aio_session(manager.refreshing_credentials(role_suffix), region_name or manager.region)


def pyarrow_filesystem(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> FileSystem:
    """A pyarrow filesystem whose credentials renew themselves, by way of s3fs: pyarrow's own takes keys only once.

    Paths carry no scheme: `pyarrow.dataset.dataset("bucket/key", filesystem=pyarrow_filesystem(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
        region_name: The region; None: the manager's.

    Raises:
        MissingLibraryError: pyarrow or s3fs is not installed (an ImportError).
        RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
    """
    arrow, s3fs = import_library("pyarrow.fs", "pyarrow"), import_library("s3fs", "pyarrow")
    session = s3fs_session(manager, role_suffix, region_name=region_name)
    filesystem: FileSystem = arrow.PyFileSystem(arrow.FSSpecHandler(s3fs.S3FileSystem(session=session)))
    return filesystem


def polars_provider(
    manager: CognitoCredentialsManager, role_suffix: str | None = None
) -> Callable[[], PolarsCredentials]:
    """A credential provider for polars: one argument of a scan, or the default of all of them.

    `pl.scan_parquet("s3://...", credential_provider=polars_provider(cognito))`, or once
    `pl.Config.set_default_credential_provider(polars_provider(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.

    Raises:
        RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
    """
    credentials = manager.refreshing_credentials(role_suffix)

    def provide() -> PolarsCredentials:
        snapshot = credentials.get_cached_credentials()
        keys = {
            "aws_access_key_id": str(snapshot.frozen.access_key),
            "aws_secret_access_key": str(snapshot.frozen.secret_key),
            "aws_session_token": str(snapshot.frozen.token),
        }
        return keys, int(_reported_expiry(snapshot))

    return provide


def _reported_expiry(snapshot: CachedCredentials) -> float:
    """What is told to a library that asks again at the very end: a request on its way needs a while longer."""
    return snapshot.advisory_refresh_at if time.time() < snapshot.advisory_refresh_at else snapshot.mandatory_refresh_at


class ObstoreProvider:
    """A credential provider for obstore, which asks again when less than five minutes are left.

    Attributes:
        config: The store's settings that come with it: the region.
    """

    def __init__(self, credentials: RefreshingCredentials, region: str) -> None:
        self._credentials = credentials
        self.config = {"region": region}

    def __call__(self) -> ObstoreCredentials:
        """The credentials of now."""
        snapshot = self._credentials.get_cached_credentials()
        return ObstoreCredentials(
            access_key_id=str(snapshot.frozen.access_key),
            secret_access_key=str(snapshot.frozen.secret_key),
            token=str(snapshot.frozen.token),
            # obstore takes no other object for UTC than datetime's own.
            expires_at=datetime.fromtimestamp(snapshot.expires_at, UTC),
        )

    def __repr__(self) -> str:
        return f"<ObstoreProvider of {self._credentials.role_arn or 'the default role'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled: make the store where it is used.")


def obstore_provider(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> ObstoreProvider:
    """A credential provider for obstore: `S3Store("bucket", credential_provider=obstore_provider(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
        region_name: The store's region; None: the manager's.

    Raises:
        RoleError, RefusedError, UnavailableError: As `ensure_credentials`.
    """
    return ObstoreProvider(manager.refreshing_credentials(role_suffix), region_name or manager.region)
