"""What has to be done before and after each cell: for `%autoreload`, and for logins in threads.

The extension registers it with IPython, so it is part of what `%load_ext` imports.

IPython's reloader executes a changed module again, and changes the classes of existing objects as far as it can. A
sign-in that is in use then consists of two versions of this package, whose classes do not know each other: logins end
in errors, and panels stay as they are. So the package that a kernel has loaded stays in use until the kernel restarts.

ipykernel sends what a thread displays to the cell that was started last, and some of its versions nowhere: a cell is
known by context variables, which a new thread does not inherit.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

_PACKAGE = __name__.partition(".")[0]


class AutoreloadExclusion:
    """Excludes this package's modules from `%autoreload`, as `%aimport -MODULE` does.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._autoreload: object = None
        self._excluded: set[str] = set()

    def exclude_modules(self, *_: object) -> None:
        """Excludes the modules that are imported by now; called before each cell, as either may be loaded first.

        The reloader only notes the time of a module that it meets for the first time, and reloads it at a later cell.
        """
        autoreload = self._shell.magics_manager.registry.get("AutoreloadMagics")
        if autoreload is None:
            return
        if autoreload is not self._autoreload:
            self._autoreload, self._excluded = autoreload, set()
        # A copy: a login's thread may import in the meantime.
        names = {name for name in list(sys.modules) if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")}
        for name in names - self._excluded:
            self._shell.run_line_magic("aimport", f"-{name}")
        self._excluded |= names


class ThreadCells:
    """Knows by which cell each thread was started.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._cells: weakref.WeakKeyDictionary[threading.Thread, contextvars.Context] = weakref.WeakKeyDictionary()
        self._running = contextvars.copy_context()

    def on_cell_start(self, *_: object) -> None:
        """Notes the context of the cell that starts."""
        self._running = contextvars.copy_context()

    def on_cell_end(self, *_: object) -> None:
        """Notes the threads that the cell has started."""
        for thread in threading.enumerate():
            self._cells.setdefault(thread, self._running)

    @contextlib.contextmanager
    def shown_in_own_cell(self) -> Iterator[None]:
        """Has what the calling thread displays shown in the cell that has started it, until the end of the `with`.

        In the main thread, and where the context was passed on, as by `asyncio.to_thread`, the cell is known already.
        """
        thread = threading.current_thread()
        if thread is threading.main_thread():
            yield
            return
        own = contextvars.copy_context()
        cell = self._cells.get(thread, self._running)
        tokens = [(variable, variable.set(value)) for variable, value in cell.items() if variable not in own]
        try:
            with self._led_to(getattr(sys.stdout, "parent_header", {})):
                yield
        finally:
            for variable, token in tokens:
                variable.reset(token)

    @contextlib.contextmanager
    def _led_to(self, header: dict[str, Any]) -> Iterator[None]:
        """Sends what this thread displays to a cell; only the streams of ipykernel 6 know a cell by the context.

        Args:
            header: The header of the cell's request; empty in a terminal, where all outputs are in one place.
        """
        publisher: Any = self._shell.display_pub
        if not header or not hasattr(publisher, "register_hook"):
            yield
            return

        def lead(message: dict[str, Any]) -> dict[str, Any]:
            return {**message, "parent_header": header}

        # ipykernel keeps the hooks of each thread apart.
        publisher.register_hook(lead)
        try:
            yield
        finally:
            publisher.unregister_hook(lead)
