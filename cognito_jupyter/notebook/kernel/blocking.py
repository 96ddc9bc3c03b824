"""Runs a coroutine in a cell that blocks.

A login's display is one coroutine, which gets a function that lets time pass. With a top-level `await` the kernel's
event loop runs it, and that function is `asyncio.sleep`. With a magic no event loop awaits it: `run_in_cell` runs it on
a private loop, or without a loop, and that function sleeps in short steps. The private loop lets a coroutine use
asyncio while the kernel's own loop is running in the same thread, for which nest_asyncio is needed.
"""

from __future__ import annotations

import asyncio
import sys
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from .interrupts import deferred_interrupts, interruptible

POLL_INTERVAL = 0.05
"""Seconds between two polls while the user types."""
FAST_POLL_INTERVAL = 0.005
"""Seconds between two polls once the response is there and no user is waited for."""

_Result = TypeVar("_Result")
Sleep = Callable[[float], Awaitable[None]]
"""Lets a number of seconds pass."""
_Main = Callable[[Sleep], Coroutine[Any, Any, _Result]]


def run_in_cell(main: _Main[_Result], on_tick: Callable[[], None]) -> _Result:
    """Runs a coroutine to its end in the calling cell; the stop button ends it at once.

    It waits in short sleeps, because the stop button makes a wait for an Event or in a selector sometimes fail with an
    error of its own. Between them the stop button is deferred: it would break an event loop, or hit the coroutine where
    that has begun something and not noted it yet.

    Args:
        main: Makes the coroutine from the function that lets time pass.
        on_tick: Called after each sleep, to process the widgets' messages.
    """
    with deferred_interrupts():
        loop = _new_private_loop()
        if loop is None:
            return _run_without_loop(main, on_tick)
        try:
            return _run_in_private_loop(loop, main, on_tick)
        finally:
            loop.close()


def _run_in_private_loop(loop: asyncio.AbstractEventLoop, main: _Main[_Result], on_tick: Callable[[], None]) -> _Result:
    """Runs a loop in passes and sleeps between them.

    `on_tick` is called while this loop stands still, so that a task that a widget's handler starts belongs to the
    kernel's loop and outlives this one.
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
            with interruptible():
                time.sleep(delay)
            on_tick()
    finally:
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would report it, too


def _run_without_loop(main: _Main[_Result], on_tick: Callable[[], None]) -> _Result:
    """Runs a coroutine that awaits nothing but the given function, which sleeps."""

    @types.coroutine
    def sleep(seconds: float) -> Generator[float, None, None]:
        yield seconds

    coroutine = main(sleep)
    try:
        while True:
            try:
                delay = coroutine.send(None)
            except StopIteration as end:
                result: _Result = end.value
                return result
            if not isinstance(delay, int | float):
                raise RuntimeError(  # noqa: TRY004 - it is no argument of the caller's
                    "The coroutine awaited something that needs an event loop."
                )
            with interruptible():
                time.sleep(delay)
            on_tick()
    finally:
        coroutine.close()


def _new_private_loop() -> asyncio.AbstractEventLoop | None:
    """Returns a loop that can run while the kernel's own loop runs in the same thread; None where that is impossible.

    `nest_asyncio.apply()` is never called: it would change asyncio for all cells of the user, and it breaks ipykernel
    7. Its patch of a single loop changes the class of that loop, so the loop gets a class of its own.
    """
    if sys.version_info >= (3, 14):
        # There a thread has one current task for all its loops, and that is the cell's own.
        return None
    try:
        from nest_asyncio import _patch_loop

        class PrivateLoop(asyncio.SelectorEventLoop):
            """The loop of one call of `run_in_cell`."""

        loop = PrivateLoop()
        _patch_loop(loop)
    except (ImportError, AttributeError, ValueError, OSError):
        return None
    return loop
