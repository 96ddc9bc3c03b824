"""Values that a forked child must not share with its parent, and clients that an interrupt may have spoiled."""

from __future__ import annotations

import os
import threading
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

    def discard(self) -> None:
        """Has the next call make another value for this process."""
        self._by_pid.pop(os.getpid(), None)


class InterruptibleClient(Generic[_Value]):
    """A client that is replaced after an interrupt has hit one of its calls.

    An interrupt may have hit any lock in it: a KeyboardInterrupt that hits the Python code which acquires a lock leaves
    it locked, and every later call would wait for it forever. Only the main thread is interrupted. Its call is noted
    before it begins: a second interrupt may hit whatever handles the first.
    Other threads use another client from then until the call has ended, and as long as it is not known to have ended.

    Args:
        factory: Makes the client.
    """

    def __init__(self, factory: Callable[[], _Value]) -> None:
        self._client, self._client_of_others = ProcessLocal(factory), ProcessLocal(factory)
        self._main_thread_is_calling = False

    def begin_call(self) -> _Value:
        """Returns the client; `end_call` must follow unless the call ends with an unexpected exception."""
        if threading.current_thread() is threading.main_thread():
            if self._main_thread_is_calling:
                self._client.discard()
            self._main_thread_is_calling = True
        elif self._main_thread_is_calling:
            return self._client_of_others()
        return self._client()

    def end_call(self) -> None:
        """Notes that the call has ended, with a response or an error of its own."""
        if threading.current_thread() is threading.main_thread():
            self._main_thread_is_calling = False
