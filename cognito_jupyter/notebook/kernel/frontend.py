"""The front end of the kernel: what it can display and ask, and whether the user's browser is on another computer.

The notebook's modules call it before they show anything. It displays nothing itself.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

_REMOTE_ENVIRONMENT = (
    ("JUPYTERHUB_", "it was started by JupyterHub"),
    ("SSH_CONNECTION", "it was started through ssh"),
    ("CODESPACES", "it runs in a Codespace"),
    ("REMOTE_CONTAINERS", "it runs in a development container"),
    ("COLAB_", "it runs in Colab"),
    ("SAGEMAKER_", "it runs in SageMaker"),
    ("GITPOD_WORKSPACE_", "it runs in Gitpod"),
    ("CODER_WORKSPACE_", "it runs in a Coder workspace"),
    ("CODE_SERVER_SESSION_SOCKET", "it was started by code-server"),
    ("DATABRICKS_RUNTIME_VERSION", "it runs in Databricks"),
    ("KUBERNETES_SERVICE_HOST", "it runs in Kubernetes"),
)
"""How the names of variables begin, from the most to the least specific."""
_SAGEMAKER_FILES = (
    Path("/etc/opt/ml/sagemaker-notebook-instance-version.txt"),
    Path("/opt/ml/metadata/resource-metadata.json"),
)
"""Of a notebook instance, and of Studio; the SageMaker SDK looks for them too, as the variables are not always set."""


_PYTHON_MESSAGE_ID = re.compile(r".*_[0-9]+_[0-9]+")
"""The id of a message that jupyter_client has made: of a session, a process and a count. Browsers send a bare UUID."""
_LAZY_CELL_ID = "vscode-"
"""How VS Code's cell ids begin; it creates a widget's model only when it draws the widget."""


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
        self._shell = shell

    @property
    def can_prompt(self) -> bool:
        """Whether the user can be asked for input: by the cell's request in a kernel, by a terminal otherwise."""
        if self.kernel is None:
            return sys.stdin is not None and sys.stdin.isatty()
        # Private, and the same in ipykernel 6 and 7; what the cell's request says has no public name.
        return bool(getattr(self.kernel, "_allow_stdin", True))

    @property
    def can_open_box(self) -> bool:
        """Whether a box for input can be open while something waits.

        In a thread it would read what the user types into the box of a cell, and a forked child has no front end.
        """
        session = getattr(self.kernel, "session", None)
        in_kernel = os.getpid() == getattr(session, "pid", os.getpid())
        return in_kernel and threading.current_thread() is threading.main_thread()

    @property
    def is_voila(self) -> bool:
        """Whether Voila runs the notebook.

        It shows a cell's output only when the cell has ended, and takes no input. nbclient runs the cells, as in
        nbconvert and papermill; but Voila tells its kernels of its request as CGI does, or that they wait for one.
        """
        names_itself = os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or "VOILA_PREHEAT" in os.environ
        return self.kernel is not None and names_itself and not self.can_prompt

    @property
    def cell_id(self) -> object:
        """What names the cell that runs; in a kernel the request that runs it, elsewhere always the same."""
        return (self._cell_message.get("header") or {}).get("msg_id", "")

    @property
    def can_update_display(self) -> bool:
        """Whether a displayed view can be replaced; a terminal would print it again, and a console shows nothing."""
        return self.kernel is not None and not self.is_console

    @property
    def is_console(self) -> bool:
        """Whether the cell comes from jupyter console, qtconsole or the like: they show text, and never replace it.

        No front end says what it is. A console sends its messages through jupyter_client and names no cell.
        """
        if self.kernel is None or self.is_voila:
            return False
        message = self._cell_message
        return not _cell_id(message) and bool(_PYTHON_MESSAGE_ID.fullmatch(str(message.get("msg_id", ""))))

    @property
    def is_notebook(self) -> bool:
        """Whether the cell comes from a notebook: such front ends name the cell, and nearly all of them show widgets.

        No front end reports whether it shows widgets, so this is a guess; it only decides what is shown first.
        """
        return bool(_cell_id(self._cell_message))

    @property
    def creates_widgets_late(self) -> bool:
        """Whether the front end learns of a widget only when it draws it, so that it reports nothing before."""
        return _cell_id(self._cell_message).startswith(_LAZY_CELL_ID) or "google.colab" in sys.modules

    @property
    def output_is_captured(self) -> bool:
        """Whether what the cell displays reaches no user: by `%%capture`, or by IPython's `capture_output`."""
        return isinstance(self._shell.display_pub, CapturingDisplayPublisher)

    @property
    def _cell_message(self) -> dict[str, Any]:
        parent = getattr(self.kernel, "get_parent", None)
        return (parent("shell") if parent is not None else None) or {}


def _cell_id(message: dict[str, Any]) -> str:
    return str((message.get("metadata") or {}).get("cellId") or "")


def remote_kernel_reason(setting: bool | None) -> str | None:
    """Returns why the browser may be on another computer than the kernel; None where nothing suggests it.

    It is a guess, which decides what is shown first and never what is possible.

    Args:
        setting: The setting `remote_kernel`; None: not set.
    """
    if setting is not None:
        return "remote_kernel is set" if setting else None
    reasons = (reason for prefix, reason in _REMOTE_ENVIRONMENT if any(name.startswith(prefix) for name in os.environ))
    return next(reasons, None) or ("it runs in SageMaker" if any(map(os.path.exists, _SAGEMAKER_FILES)) else None)
