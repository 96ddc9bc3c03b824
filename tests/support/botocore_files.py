"""botocore's own files, read once in a process of the tests in place of once for each session and client.

It imports nothing of this project: a program that processes are forked from uses it too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

_SERVICES = ("cognito-identity", "s3")
"""Those whose clients most tests make."""


def share_botocore_files() -> None:
    """Shares among all of botocore's loaders what they read of their package, which none of them changes."""
    read, list_services = JSONFileLoader.load_file, Loader.list_available_services

    @functools.cache
    def read_once(path: str) -> Any:
        return read(JSONFileLoader(), path)

    @functools.cache
    def list_once(type_name: str, *search_paths: str) -> Any:
        return list_services(
            Loader(extra_search_paths=list(search_paths), include_default_search_paths=False), type_name
        )

    def load_file(self: JSONFileLoader, file_path: str) -> Any:
        return read_once(file_path) if file_path.startswith(Loader.BUILTIN_DATA_PATH) else read(self, file_path)

    def list_available_services(self: Loader, type_name: str) -> Any:
        return list(list_once(type_name, *self.search_paths))

    JSONFileLoader.load_file = load_file  # type: ignore[method-assign] # undone below, or with the process
    Loader.list_available_services = list_available_services  # type: ignore[method-assign] # likewise


def read_botocore_files() -> None:
    """Reads what a session and the clients of a login and of S3 need."""
    loader = Loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
    for service in _SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")


@contextmanager
def botocore_files_read_once() -> Iterator[None]:
    """Does so until the context ends."""
    read, list_services = JSONFileLoader.load_file, Loader.list_available_services
    share_botocore_files()
    try:
        yield
    finally:
        JSONFileLoader.load_file = read  # type: ignore[method-assign] # as it was
        Loader.list_available_services = list_services  # type: ignore[method-assign] # likewise
