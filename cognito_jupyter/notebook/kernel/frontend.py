"""What stands at the other end of the kernel: whether anybody can be asked, and where that person's browser may be."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .comms import CommPump, poll_shell_stream

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_REMOTE_ENVIRONMENT = (
    ("JUPYTERHUB_", "it was started by JupyterHub"),
    ("SSH_CONNECTION", "it was started through ssh"),
    ("CODESPACES", "it runs in a Codespace"),
    ("REMOTE_CONTAINERS", "it runs in a development container"),
    ("COLAB_", "it runs in Colab"),
    ("SAGEMAKER_", "it runs in SageMaker"),
)


class Frontend:
    """The person's side of a shell.

    Args:
        shell: The shell that runs the cell.

    Attributes:
        kernel: The Jupyter kernel; None in a terminal or a script.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        # ipykernel's classes differ between its versions, and a terminal has none of them.
        self.kernel: Any = getattr(shell, "kernel", None)

    @property
    def can_prompt(self) -> bool:
        """Whether somebody can be asked: a kernel is told so with each cell, a script's stdin is no terminal."""
        if self.kernel is None:
            return sys.stdin is not None and sys.stdin.isatty()
        return bool(getattr(self.kernel, "_allow_stdin", True))

    @property
    def can_update_display(self) -> bool:
        """Whether what was displayed can be replaced; a terminal would print it again."""
        return self.kernel is not None

    @property
    def is_notebook(self) -> bool:
        """Whether the cell comes from a notebook, whose front ends nearly all show widgets: those name the cell.

        A guess, as none says whether it shows widgets: it decides what is shown first.
        """
        parent = getattr(self.kernel, "get_parent", None)
        message = parent("shell") if parent is not None else {}
        return "cellId" in (message.get("metadata") or {})

    def poll_while(self, expecting: Callable[[], bool]) -> None:
        """Makes sure that a widget's first message is heard, for as long as it is wanted."""
        if self.kernel is not None:
            poll_shell_stream(self.kernel, expecting)

    @contextlib.contextmanager
    def comm_pump(self) -> Iterator[Callable[[], None]]:
        """Lets the widgets be heard while a cell waits: gives a function to be called now and then."""
        pump = CommPump.for_kernel(self.kernel) if self.kernel is not None else None
        if pump is None:
            yield lambda: None
            return
        with pump:
            yield pump.pump


def remote_kernel_reason(setting: bool | None = None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why the browser may be on another computer than the kernel; None where nothing speaks for it.

    A guess: it decides what stands first, never which way is open.

    Args:
        setting: What the person has set; None: nothing.
        environment: Where to look for signs.
    """
    if setting is not None:
        return "remote_kernel is set" if setting else None
    for prefix, reason in _REMOTE_ENVIRONMENT:
        if any(name.startswith(prefix) for name in environment):
            return reason
    return None
