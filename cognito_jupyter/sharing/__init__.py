"""Credentials for programs and libraries that do not use a boto3 session, as functions of a manager.

User code calls them as `cognito_jupyter.sharing.share(cognito)` and so on. Each name is loaded at its first use, so
that importing this package imports no library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adapters.duckdb import DuckDBSecret as DuckDBSecret, duckdb_secret as duckdb_secret
    from .adapters.filesystems import (
        obstore_provider as obstore_provider,
        polars_provider as polars_provider,
        pyarrow_filesystem as pyarrow_filesystem,
        s3fs_session as s3fs_session,
    )
    from .dask_cluster.share import DaskShare as DaskShare, dask as dask
    from .endpoint.share import Share as Share, SharedRole as SharedRole, share as share
    from .profile.profile import remove_profile as remove_profile, write_profile as write_profile
    from .ray_cluster.share import RayShare as RayShare, ray as ray
    from .spark_cluster.share import SparkShare as SparkShare, spark as spark

_NAMES = {
    "adapters.duckdb": ("DuckDBSecret", "duckdb_secret"),
    "adapters.filesystems": ("obstore_provider", "polars_provider", "pyarrow_filesystem", "s3fs_session"),
    "dask_cluster.share": ("DaskShare", "dask"),
    "endpoint.share": ("Share", "SharedRole", "share"),
    "profile.profile": ("remove_profile", "write_profile"),
    "ray_cluster.share": ("RayShare", "ray"),
    "spark_cluster.share": ("SparkShare", "spark"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*_MODULES]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> object:
    """Loads a public name at its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
