"""A role's credentials for s3fs, pyarrow, polars and obstore: each adapter is a few lines over the manager's.

User code calls them where the environment of `share()` does not suffice: for a library that ignores it, and for a
second role beside the shared one. Each adapter serves its own role. What it returns always has the current credentials,
belongs to this process, and never writes to the environment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, cast

from ..._util.closing import NotPicklable
from ..._util.redaction import RedactedVariables
from ..extras import import_library

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from pyarrow.fs import FileSystem

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager

PolarsCredentials = tuple[dict[str, str], int | None]
"""What polars expects of a credential provider: object_store's settings, and an expiry in seconds since the epoch."""


class ObstoreCredentials(TypedDict):
    """What obstore expects of a credential provider; it calls this S3Credential."""

    access_key_id: str
    secret_access_key: str
    token: str | None
    expires_at: datetime | None


def s3fs_session(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> AioSession:
    """Returns an aiobotocore session with refreshing credentials, for s3fs and the libraries that are based on it.

    It is the same one for the same sign-in, role and region, so that fsspec finds the filesystem that it has cached.

    `s3fs.S3FileSystem(session=s3fs_session(cognito))`; in pandas
    `storage_options={"session": s3fs_session(cognito)}`; for every s3:// address of this process
    `fsspec.config.conf["s3"] = {"session": s3fs_session(cognito)}`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        region_name: The session's region; None: the manager's.

    Raises:
        MissingLibraryError: aiobotocore is not installed (an ImportError).
        RoleError, RefusedError, CredentialsError, UnavailableError: As in `ensure_credentials`.
    """
    import_library("aiobotocore", "s3fs")
    from .aio import aio_session

    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    return aio_session(credentials, region_name or manager.region)


def pyarrow_filesystem(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> FileSystem:
    """Returns a pyarrow filesystem with refreshing credentials, based on s3fs: pyarrow's own reads the keys only once.

    Paths have no scheme: `pyarrow.dataset.dataset("bucket/key", filesystem=pyarrow_filesystem(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        region_name: The region; None: the manager's.

    Raises:
        MissingLibraryError: pyarrow or s3fs is not installed (an ImportError).
        RoleError, RefusedError, CredentialsError, UnavailableError: As in `ensure_credentials`.
    """
    arrow, s3fs = import_library("pyarrow.fs", "pyarrow"), import_library("s3fs", "pyarrow")
    session = s3fs_session(manager, role_suffix, region_name=region_name)
    filesystem: FileSystem = arrow.PyFileSystem(arrow.FSSpecHandler(s3fs.S3FileSystem(session=session)))
    return filesystem


class PolarsProvider(NotPicklable):
    """A credential provider for polars, which calls it again at the second that it returned.

    Args:
        credentials: The role's credentials.
    """

    pickle_error = "Credentials cannot be pickled: create the scan in the process that collects it."

    def __init__(self, credentials: RefreshingCredentials) -> None:
        self._credentials = credentials

    def __call__(self) -> PolarsCredentials:
        """Returns the current credentials."""
        cached = self._credentials.get_cached_credentials()
        settings = RedactedVariables(
            {
                "aws_access_key_id": cached.frozen.access_key,
                "aws_secret_access_key": cached.frozen.secret_key,
                "aws_session_token": cached.frozen.token,
            }
        )
        # polars only asks again at that very second, so it is early enough for requests under way.
        is_fresh = time.time() < cached.advisory_refresh_at
        return cast("dict[str, str]", settings), int(
            cached.advisory_refresh_at if is_fresh else cached.mandatory_refresh_at
        )

    def __repr__(self) -> str:
        return f"<PolarsProvider of {self._credentials.role_arn or 'the default role'}>"


def polars_provider(
    manager: CognitoCredentialsManager, role_suffix: str | None = None
) -> Callable[[], PolarsCredentials]:
    """Returns a credential provider for polars: an argument of a scan, or the default of all scans.

    `pl.scan_parquet("s3://...", credential_provider=polars_provider(cognito))`, or once
    `pl.Config.set_default_credential_provider(polars_provider(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.

    Raises:
        RoleError, RefusedError, CredentialsError, UnavailableError: As in `ensure_credentials`.
    """
    return PolarsProvider(manager.credentials_for_role(manager.resolve_role(role_suffix)))


class ObstoreProvider(NotPicklable):
    """A credential provider for obstore, which calls it again when less than five minutes are left.

    Args:
        credentials: The role's credentials.
        region: The store's region.

    Attributes:
        config: The settings that the store takes from its provider: the region.
    """

    pickle_error = "Credentials cannot be pickled: create the store in the process that uses it."

    def __init__(self, credentials: RefreshingCredentials, region: str) -> None:
        self._credentials = credentials
        self.config = {"region": region}

    def __call__(self) -> ObstoreCredentials:
        """Returns the current credentials."""
        cached = self._credentials.get_cached_credentials()
        credentials = RedactedVariables(
            {
                "access_key_id": cached.frozen.access_key,
                "secret_access_key": cached.frozen.secret_key,
                "token": cached.frozen.token,
                # obstore accepts no other object for UTC than datetime's own.
                "expires_at": datetime.fromtimestamp(cached.expires_at, UTC),
            }
        )
        return cast("ObstoreCredentials", credentials)

    def __repr__(self) -> str:
        return f"<ObstoreProvider of {self._credentials.role_arn or 'the default role'}>"


def obstore_provider(
    manager: CognitoCredentialsManager, role_suffix: str | None = None, *, region_name: str | None = None
) -> ObstoreProvider:
    """Returns a credential provider for obstore: `S3Store("bucket", credential_provider=obstore_provider(cognito))`.

    Args:
        manager: The sign-in.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        region_name: The store's region; None: the manager's.

    Raises:
        RoleError, RefusedError, CredentialsError, UnavailableError: As in `ensure_credentials`.
    """
    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    return ObstoreProvider(credentials, region_name or manager.region)
