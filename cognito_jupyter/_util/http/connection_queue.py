"""The queue of idle connections of urllib3's pools, without a lock that an interrupt could leave locked.

urllib3 lets each class of pools name the class of its queue. Its own is the standard library's `LifoQueue`, whose lock
is acquired by Python code: a KeyboardInterrupt that hits it leaves it locked, and then the same call already waits
forever, while it returns the connection, and so do the garbage collector and the end of the interpreter.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from .cancellable import with_cancellation


class ConnectionQueue:
    """A queue whose last item comes first; each operation is one of deque, which no interrupt divides.

    It never waits: a pool that may have any number of connections never asks it to.

    Args:
        maxsize: The most items.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self._maxsize = maxsize
        self._items: deque[Any] = deque()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ARG002 - urllib3 passes them
        """Returns the last item.

        Args:
            block: Ignored.
            timeout: Ignored.

        Raises:
            queue.Empty: There is none.
        """
        try:
            return self._items.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002 - likewise
        """Adds an item.

        Args:
            item: The item.
            block: Ignored.
            timeout: Ignored.

        Raises:
            queue.Full: There is no room.
        """
        if 0 < self._maxsize <= len(self._items):
            raise queue.Full
        self._items.append(item)

    def qsize(self) -> int:
        """Returns the number of items."""
        return len(self._items)


def with_own_connections(pool_classes: Mapping[str, type]) -> dict[str, type]:
    """Returns pool classes, by scheme, that use this queue, and connections that can be cancelled.

    Args:
        pool_classes: The classes to derive from; those that already are such classes stay as they are.
    """
    return {scheme: _with_own_connections(each) for scheme, each in pool_classes.items()}


def _with_own_connections(pool_class: Any) -> type:
    if pool_class.QueueCls is ConnectionQueue:
        return cast("type", pool_class)
    own = {"QueueCls": ConnectionQueue, "ConnectionCls": with_cancellation(pool_class.ConnectionCls)}
    return type(pool_class.__name__, (pool_class,), own)
