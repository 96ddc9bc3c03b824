"""Waiting in a cell.

What waits is a generator that does a little and yields the seconds until it wants to go on; who drives it decides how
the time passes: asleep here, or in an event loop. It is written once and so waits the same way in both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TypeVar

TICK = 0.05
"""Seconds between two looks while a person types."""
HURRY = 0.005
"""Seconds between two looks once the answer is there and only machines work."""

_Result = TypeVar("_Result")
Steps = Generator[float, None, _Result]


def wait(steps: Steps[_Result], hear: Callable[[], None] = lambda: None) -> _Result:
    """Goes through the steps, asleep in between, and returns their result; the stop button ends it at once.

    Sleeps, because a wait for an Event sometimes answers the stop button with a RuntimeError of its own lock.

    Args:
        steps: What waits.
        hear: Called after each sleep: lets the widgets be heard.
    """
    try:
        while True:
            time.sleep(next(steps))
            hear()
    except StopIteration as end:
        result: _Result = end.value
        return result
    finally:
        steps.close()
