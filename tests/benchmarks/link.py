"""How long a user waits for the sign-in link after starting the first `%cognito_login` of a kernel.

Real kernels, measured by their messages: from the request that runs the cell to the message with the link. The front
end is played: one that reports at once that it draws widgets, as JupyterLab does, and a console, which draws none.
"""

from __future__ import annotations

import html
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel, Message
from tests.support.printed_login import AUTHORIZE_URL

from .stage import Stage
from .table import Figure, Group, Reach

_ROUNDS = 5
_ROUND_TRIP = 40
_TIMEOUT = 30.0
_LIMIT = 300.0
"""Milliseconds."""
_LINK = "/oauth2/authorize?"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_DISPLAY = (
    "from IPython.display import HTML, display\ndisplay(HTML('<a href=\"https://host/oauth2/authorize?\">in</a>'))"
)


def measure_link(stage: Stage) -> Group:
    """Measures each front end in new kernels, beside a cell that displays a link of its own."""
    panels, links, floor = list[float](), list[float](), list[float]()
    for _ in range(_ROUNDS):
        with started_kernel(stage) as kernel:
            floor.append(_time_link(kernel, _DISPLAY, is_notebook=False))
            panels.append(_time_link(kernel, "%cognito_login --no-browser", is_notebook=True))
        with started_kernel(stage) as kernel:
            links.append(_time_link(kernel, "%cognito_login --no-browser", is_notebook=False))
    shown = "a cell that displays a link"
    return Group(
        "The first %cognito_login of a kernel, from the cell's start to a link that can be clicked",
        (
            Figure(
                "in a front end with widgets: in the panel", "ms", tuple(panels), tuple(floor), shown, (), Reach(_LIMIT)
            ),
            Figure("in a console: as text", "ms", tuple(links), tuple(floor), shown, (), Reach(_LIMIT)),
        ),
    )


@contextmanager
def started_kernel(stage: Stage, *, load: bool = True) -> Iterator[Kernel]:
    """Starts a kernel for the stage's Cognito.

    Args:
        stage: The Cognito.
        load: Whether to load the extension.
    """
    port = stage.port_at(_ROUND_TRIP)
    with stage.environment(port), tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        environment = clean_environment(Path(folder), stage.kernel_environment(port))
        with Kernel(environment, folder=Path(folder)) as kernel:
            if load:
                kernel.run_cell("%load_ext cognito_jupyter")
            yield kernel


def run_cell(stage: Stage, kernel: Kernel, code: str) -> None:
    """Runs a cell, and signs in at the link that it shows.

    Args:
        stage: The Cognito.
        kernel: Runs it.
        code: The cell.
    """
    links: set[str] = set()

    def on_output(text: str) -> None:
        found = AUTHORIZE_URL.search(html.unescape(text))
        if found is not None and not links:
            links.add(found[0])
            stage.sign_in(found[0], follow_callback=True)

    run = kernel.run_cell(code, on_output=on_output)
    if run.error is not None:
        raise RuntimeError(f"{code} failed: {run.error}")


def _time_link(kernel: Kernel, code: str, *, is_notebook: bool) -> float:
    """Returns the milliseconds until a link is displayed; the cell may go on."""
    metadata = {"cellId": str(uuid.uuid4())} if is_notebook else {}
    client = kernel.client
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
    message = client.session.msg("execute_request", content, metadata=metadata)
    message["msg_id"] = message["header"]["msg_id"] = uuid.uuid4().hex
    front_end = _FrontEnd(lambda kind, content: client.shell_channel.send(client.session.msg(kind, content)))
    began = time.perf_counter()
    client.shell_channel.send(message)
    while time.perf_counter() - began < _TIMEOUT:
        received = kernel.next_message()
        if received is not None and front_end.shows_link(received):
            return (time.perf_counter() - began) * 1e3
    raise RuntimeError(f"No link within {_TIMEOUT:.0f} s.")


class _FrontEnd:
    """Draws widgets at once, as far as it matters here: it creates the panel's view, and draws it where it is shown.

    Args:
        send: Sends a message of a kind with a content to the kernel.
    """

    def __init__(self, send: Callable[[str, dict[str, Any]], object]) -> None:
        self._send = send
        self._view: str | None = None

    def shows_link(self, message: Message) -> bool:
        """Handles a message of the kernel; returns whether a link is shown now.

        Args:
            message: The message.
        """
        kind, content = message["msg_type"], message["content"]
        state = content["data"].get("state", {}) if kind == "comm_open" else {}
        if state.get("_model_name") == "DirectionalLinkModel" and state["target"][1] == "width":
            # It copies a value from one model to another, and so replies that it has widgets.
            reply = {"method": "update", "state": {"width": "1px"}, "buffer_paths": []}
            self._send("comm_msg", {"comm_id": state["target"][0].removeprefix("IPY_MODEL_"), "data": reply})
        elif state.get("_model_name") == "AnyModel":
            self._view = content["comm_id"]
            self._report({"alive": True})
        elif kind in {"display_data", "update_display_data"}:
            if _WIDGET in content["data"]:
                self._report({"seen": True})
            return _LINK in html.unescape(str(content["data"].get("text/html", "")))
        elif kind == "comm_msg" and content["comm_id"] == self._view:
            return _LINK in html.unescape(str(content["data"].get("content", "")))
        return False

    def _report(self, content: dict[str, Any]) -> None:
        if self._view is not None:
            self._send("comm_msg", {"comm_id": self._view, "data": {"method": "custom", "content": content}})
