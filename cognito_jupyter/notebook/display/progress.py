"""What a cell shows while a magic waits for Cognito or AWS for more than a second; the result then takes its place."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from .ipython import display_view
from .views import Note, View

_DELAY = 1.0
"""Seconds after which a cell shows what it is doing."""


@contextlib.contextmanager
def progress(what: str, *, can_update: bool) -> Iterator[Callable[[View], None]]:
    """Shows what is being done once it has taken a second, and yields a function that displays the result in its place.

    Args:
        what: What is being done, in a few words.
        can_update: Whether a displayed view can be replaced; a terminal prints the result below.
    """
    finished = threading.Event()
    handles: list[Any] = []

    def show_later() -> None:
        if not finished.wait(_DELAY):
            handles.append(display_view(Note((f"{what} …",))))

    # In the context of the cell: without one, ipykernel 7.0 to 7.2 send nothing.
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(show_later,), name="cognito-progress", daemon=True
    )

    def end() -> None:
        finished.set()
        # Short sleeps: the stop button may leave `Thread.join` with an error of its own. The thread ends at once.
        while thread.is_alive():
            time.sleep(0.0005)

    def show(view: View) -> None:
        end()
        if handles and can_update:
            handles.pop().update(view)
        else:
            display_view(view)

    thread.start()
    outcome = "not finished"
    try:
        yield show
        outcome = "done"
    finally:
        end()
        if handles and can_update:
            # An output cannot be removed, and an empty one would be saved with the notebook.
            handles.pop().update(Note((f"{what}: {outcome}.",)))
