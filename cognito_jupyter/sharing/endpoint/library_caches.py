"""Has libraries of this process look for credentials again after the environment has changed.

fsspec caches its filesystems, and boto3 its default session, with the credentials that they found first, or with none.
`Share` calls it when the environment names another endpoint or role, and at the end. It changes no object that the user
holds, and uses the libraries' own calls only. pyarrow looks for credentials anew by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

_FILESYSTEMS = (
    ("s3fs", "S3FileSystem"),
    # These hold another filesystem, which may be one for S3.
    ("fsspec.implementations.cached", "CachingFileSystem"),
    ("fsspec.implementations.dirfs", "DirFileSystem"),
    ("fsspec.implementations.reference", "ReferenceFileSystem"),
)
_METHODS = frozenset({"env", "container-role", "iam-role", "assume-role-with-web-identity"})
"""How botocore names the sources that a share takes the place of; what the user passed to the session has others."""


def look_for_credentials_again() -> None:
    """Has new reads of the libraries that are loaded look for credentials in the environment as it is now."""
    for module, name in _FILESYSTEMS:
        # A module that another thread is importing may not have it yet.
        if (filesystem := getattr(sys.modules.get(module), name, None)) is not None:
            for each in _with_subclasses(filesystem):
                each.clear_instance_cache()
    _renew_default_session()


def _with_subclasses(filesystem: Any) -> Iterator[Any]:
    """Yields a class and all its subclasses, each of which has a cache of its own."""
    yield filesystem
    for subclass in filesystem.__subclasses__():
        yield from _with_subclasses(subclass)


def _renew_default_session() -> None:
    """Replaces boto3's default session if it has found credentials in a place that the share takes or has left."""
    session: Any = boto3.DEFAULT_SESSION
    if session is None:
        return
    botocore_session = session._session  # noqa: SLF001 - as ARCHITECTURE.md lists
    chosen = botocore_session.instance_variables()
    # get_credentials() would look for some, perhaps by a request or by another program.
    credentials = botocore_session._credentials  # noqa: SLF001 - likewise
    if credentials is None or credentials.method not in _METHODS or chosen.get("profile"):
        return
    try:
        boto3.setup_default_session(region_name=chosen.get("region"))
    except BotoCoreError:
        # The environment names a profile that does not exist, as before the share: the user's next call says so.
        boto3.DEFAULT_SESSION = None
