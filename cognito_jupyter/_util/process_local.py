"""A value that a forked child must not share with its parent: a lock, or a connection in the middle of a response."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class ProcessLocal(Generic[_Value]):
    """A value of which each process makes its own when it first calls for it.

    After a fork the child makes another one. What it inherited is neither used nor closed: a TLS connection that the
    child closed would be cut off for the parent too.

    Args:
        factory: Makes the value.
    """

    __slots__ = ("_by_pid", "_factory")

    def __init__(self, factory: Callable[[], _Value]) -> None:
        self._factory = factory
        self._by_pid: dict[int, _Value] = {}

    def __call__(self) -> _Value:
        """Returns this process's value, and makes it at the first call."""
        pid = os.getpid()
        existing = self._by_pid.get(pid)
        # setdefault is atomic: two threads that call at once get the same value.
        return existing if existing is not None else self._by_pid.setdefault(pid, self._factory())
