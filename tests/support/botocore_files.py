"""What botocore reads, and computes of its own events, once in a process of the tests, not once for each session.

It imports nothing of this project: a program that processes are forked from uses it too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from botocore import compat, hooks
from botocore.hooks import EventAliaser
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

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


def share_botocore_events() -> None:
    """Shares among all sessions the names of events, and whether a handler accepts what an event brings.

    Both depend on nothing else. Each new session finds it out for 85 handlers: two thirds of the time that it takes.
    """
    begin, names = EventAliaser.__init__, dict[str, str]()
    accepted: dict[CodeType, Any] = {}

    def begin_with_names(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        begin(self, event_emitter, event_aliases)
        if self._event_aliases == hooks.EVENT_ALIASES:
            self._alias_name_cache = names

    def accepts_kwargs(handler: Any) -> Any:
        function = getattr(handler, "__func__", handler)
        if not isinstance(function, FunctionType):
            return compat.accepts_kwargs(handler)
        if function.__code__ not in accepted:
            accepted[function.__code__] = compat.accepts_kwargs(handler)
        return accepted[function.__code__]

    EventAliaser.__init__ = begin_with_names  # type: ignore[method-assign] # undone below, or with the process
    hooks.accepts_kwargs = accepts_kwargs  # type: ignore[assignment] # likewise


def read_botocore_files() -> None:
    """Reads and computes what a session and the clients of a login and of S3 need."""
    loader = Loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
    for service in _SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")
    # It registers its handlers.
    Session()


@contextmanager
def botocore_files_read_once() -> Iterator[None]:
    """Does so until the context ends."""
    read, list_services = JSONFileLoader.load_file, Loader.list_available_services
    begin = EventAliaser.__init__
    share_botocore_files()
    share_botocore_events()
    try:
        yield
    finally:
        JSONFileLoader.load_file = read  # type: ignore[method-assign] # as it was
        Loader.list_available_services = list_services  # type: ignore[method-assign] # likewise
        EventAliaser.__init__ = begin  # type: ignore[method-assign] # likewise
        hooks.accepts_kwargs = compat.accepts_kwargs
