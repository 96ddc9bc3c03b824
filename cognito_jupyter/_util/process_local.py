"""What a forked child must not share with its parent: a lock as it stood, a connection in the middle of an answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class ProcessLocal(Generic[_Thing]):
    """One thing for each process that comes to use it, made when first asked for.

    After a fork the child makes its own. What it inherited is left alone and never closed: a TLS connection closed
    here would be cut for the parent too.

    Args:
        factory: Makes it.
    """

    __slots__ = ("_by_process", "_make")

    def __init__(self, factory: Callable[[], _Thing]) -> None:
        self._make = factory
        self._by_process: dict[int, _Thing] = {}

    def __call__(self) -> _Thing:
        """This process's."""
        pid = os.getpid()
        existing = self._by_process.get(pid)
        # setdefault: of two threads that come at once, both get the same.
        return existing if existing is not None else self._by_process.setdefault(pid, self._make())

    def peek(self) -> _Thing | None:
        """This process's if it was made; it is not made for this."""
        return self._by_process.get(os.getpid())
