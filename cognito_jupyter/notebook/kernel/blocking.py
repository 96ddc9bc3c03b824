"""Waiting in a cell.

What waits is a coroutine, written once, that is given a way to let time pass; who drives it decides what that is. Under
a top-level `await` it is the event loop of the kernel. Under a magic, which no event loop awaits, it is short sleeps.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

POLL_INTERVAL = 0.05
"""Seconds between two looks while a person types."""
FAST_POLL_INTERVAL = 0.005
"""Seconds between two looks once the answer is there and only machines work."""

_Result = TypeVar("_Result")
Sleep = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""


def run_in_cell(
    main: Callable[[Sleep], Coroutine[Any, Any, _Result]], on_tick: Callable[[], None] = lambda: None
) -> _Result:
    """Runs a coroutine to its end in the cell that calls; the stop button ends it at once.

    Time passes asleep, because a wait for an Event or in a selector sometimes answers the stop button with an error of
    its own.

    Args:
        main: Makes the coroutine, from the way in which it is to let time pass.
        on_tick: Called after each sleep: lets the widgets be heard.
    """
    loop = _new_private_loop()
    if loop is None:
        return _run_without_loop(main, on_tick)
    try:
        return _run_in_private_loop(loop, main, on_tick)
    finally:
        loop.close()


def _run_in_private_loop(
    loop: asyncio.AbstractEventLoop, main: Callable[[Sleep], Coroutine[Any, Any, _Result]], on_tick: Callable[[], None]
) -> _Result:
    """Runs a loop in passes, and sleeps between them.

    What is heard belongs to the kernel's loop and not to this one, so it is heard while this one stands still: a
    widget's handler may start a task, which has to live on.
    """
    delay = POLL_INTERVAL

    async def sleep(seconds: float) -> None:
        nonlocal delay
        delay = seconds
        await asyncio.sleep(0)

    task = loop.create_task(main(sleep))
    try:
        while True:
            loop.call_soon(loop.stop)
            loop.run_forever()
            if task.done():
                return task.result()
            time.sleep(delay)
            on_tick()
    finally:
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        if not task.cancelled():
            task.exception()  # Looked at, so that asyncio does not report it as well.


def _run_without_loop(main: Callable[[Sleep], Coroutine[Any, Any, _Result]], on_tick: Callable[[], None]) -> _Result:
    """Runs a coroutine that never hands control back: what it awaits sleeps instead."""

    async def sleep(seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - no loop is held up by it
        on_tick()

    coroutine = main(sleep)
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _Result = end.value
        return result
    finally:
        coroutine.close()
    raise RuntimeError("A coroutine has awaited something that needs an event loop.")


def _new_private_loop() -> asyncio.AbstractEventLoop | None:
    """A loop that can run while the kernel's own loop does, in the same thread; None where there can be none.

    `nest_asyncio.apply()` is never called: it would change asyncio for all the cells of the user, and breaks
    ipykernel 7. Its patch of a single loop changes that loop's class, so the class is made for it.
    """
    if sys.version_info >= (3, 14):
        # There a thread has one current task, whatever loop it belongs to, and the cell's own is it.
        return None
    try:
        from nest_asyncio import _patch_loop

        class PrivateLoop(asyncio.SelectorEventLoop):
            """Only ever the loop of one wait."""

        loop = PrivateLoop()
        _patch_loop(loop)
    except (ImportError, AttributeError, ValueError, OSError):
        return None
    return loop
