"""botocore's own files, read once in a process of the tests in place of once for each session and client."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader


@contextmanager
def botocore_files_read_once() -> Iterator[None]:
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

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        patch.setattr(Loader, "list_available_services", list_available_services)
        yield
