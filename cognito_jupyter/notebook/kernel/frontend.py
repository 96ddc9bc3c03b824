"""The front end of the kernel: what it can display and ask, and whether the user's browser is on another computer.

The notebook's modules call it before they show anything. It displays nothing itself.
"""

from __future__ import annotations

import os
import sys
from typing import Any

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
    """The front end of a shell.

    Args:
        shell: The shell that runs the cell.

    Attributes:
        kernel: The Jupyter kernel; None in a terminal or a script.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        # Any: ipykernel's classes differ between its versions, and a terminal has none of them.
        self.kernel: Any = getattr(shell, "kernel", None)

    @property
    def can_prompt(self) -> bool:
        """Whether the user can be asked for input: by the cell's request in a kernel, by a terminal otherwise."""
        if self.kernel is None:
            return sys.stdin is not None and sys.stdin.isatty()
        # Private, and the same in ipykernel 6 and 7; what the cell's request says has no public name.
        return bool(getattr(self.kernel, "_allow_stdin", True))

    @property
    def can_update_display(self) -> bool:
        """Whether a displayed view can be replaced; a terminal would print it again."""
        return self.kernel is not None

    @property
    def is_notebook(self) -> bool:
        """Whether the cell comes from a notebook: such front ends name the cell, and nearly all of them show widgets.

        No front end reports whether it shows widgets, so this is a guess; it only decides what is shown first.
        """
        parent = getattr(self.kernel, "get_parent", None)
        message = parent("shell") if parent is not None else {}
        return "cellId" in (message.get("metadata") or {})


def remote_kernel_reason(setting: bool | None) -> str | None:
    """Returns why the browser may be on another computer than the kernel; None where nothing suggests it.

    It is a guess, which decides what is shown first and never what is possible.

    Args:
        setting: The setting `remote_kernel`; None: not set.
    """
    if setting is not None:
        return "remote_kernel is set" if setting else None
    reasons = (reason for prefix, reason in _REMOTE_ENVIRONMENT if any(name.startswith(prefix) for name in os.environ))
    return next(reasons, None)
