"""A client of a real kernel that sends what a front end would send, and notes what its cells show."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

from .notebook import Notebook
from .polling import wait_until
from .printed_login import AUTHORIZE_URL

WIDGET = "application/vnd.jupyter.widget-view+json"


class FrontEnd:
    """A client of a kernel that handles each message as it comes.

    Args:
        notebook: The notebook whose kernel it uses.
        has_widgets: What it replies to the first models of a cell: True: it has created them. False: it closes each, as
            a front end without widgets does. None: nothing.

    Attributes:
        outputs: What each display shows at the moment, in the order of their first appearance.
        seconds_to_link: How long after its start a cell showed a link.
        views: The ids of the panels' views that the kernel has created.
        reports: The ids of the widgets by which ipywidgets alone reports.
        models: The ids of all models that the kernel has created, in their order.
        closed_models: The ids of those that it has closed again.
    """

    def __init__(self, notebook: Notebook, *, has_widgets: bool | None = None) -> None:
        self._kernel = notebook.kernel
        self._has_widgets = has_widgets
        self.models: list[str] = []
        self.closed_models: set[str] = set()
        self.outputs: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self.streams = ""
        self.prompts: list[str] = []
        self.seconds_to_link: float | None = None
        self.views: list[str] = []
        self.reports: list[str] = []
        self.on_link: Callable[[str], object] = lambda _: None
        self._request_id = ""
        self._started = 0.0
        self._idle = False

    def start(self, code: str, *, console: bool = False, cell_id: str = "") -> None:
        """Sends a cell: as a notebook does, or as a console."""
        client = self._kernel.client
        self._started, self._idle = time.monotonic(), False
        if cell_id:
            content = {"code": code, "silent": False, "allow_stdin": True, "store_history": True}
            message = client.session.msg("execute_request", content, metadata={"cellId": cell_id})
            client.shell_channel.send(message)
            self._request_id = message["header"]["msg_id"]
            return
        self._request_id = client.execute(code, allow_stdin=True) if console else self._kernel._send(code)

    def read(self) -> None:
        message = self._kernel.next_message()
        if message is not None:
            self._handle(message["msg_type"], message["content"], message["parent_header"].get("msg_id"))
        try:
            self.prompts.append(self._kernel.client.get_stdin_msg(timeout=0)["content"]["prompt"])
        except queue.Empty:
            pass

    def wait_until(self, condition: Callable[[], object]) -> None:
        def met() -> bool:
            self.read()
            return bool(condition())

        wait_until(met)

    def wait_for_cell(self) -> None:
        self.wait_until(lambda: self._idle)

    def report(self, view: str) -> None:
        """Sends what view.js sends when the front end has created the view."""
        self._send(view, {"method": "custom", "content": {"alive": True}})

    def report_drawn(self, view: str) -> None:
        self._send(view, {"method": "custom", "content": {"seen": True}})

    def report_widgets(self, report: str) -> None:
        """Sends what ipywidgets sends when the front end has created the link between the two numbers."""
        self._send(report, {"method": "update", "state": {"value": 1}, "buffer_paths": []})

    def close(self, model: str) -> None:
        """Sends what a front end sends that cannot create a model."""
        client = self._kernel.client
        client.shell_channel.send(client.session.msg("comm_close", {"comm_id": model, "data": {}}))

    @property
    def text(self) -> str:
        return "\n".join(str(data.get("text/plain")) for data in self.outputs.values()) + self.streams

    @property
    def shows_widget(self) -> bool:
        return any(WIDGET in data for data in self.outputs.values())

    def _handle_model(self, model: str, state: dict[str, Any]) -> None:
        self.models.append(model)
        if self._has_widgets is False:
            self.close(model)
        if state.get("_model_module") == "anywidget":
            self.views.append(model)
        elif state.get("_model_name") == "DirectionalLinkModel":
            target, attribute = state["target"][0].removeprefix("IPY_MODEL_"), state["target"][1]
            if attribute == "value":
                self.reports.append(target)
            elif self._has_widgets:
                self._send(target, {"method": "update", "state": {attribute: "1px"}, "buffer_paths": []})

    def _send(self, comm: str, data: dict[str, object]) -> None:
        client = self._kernel.client
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": data}))

    def _handle(self, kind: str, content: dict[str, Any], parent: object) -> None:
        if kind in {"display_data", "execute_result", "update_display_data"}:
            display = (content.get("transient") or {}).get("display_id") or str(len(self.outputs))
            if kind != "update_display_data" or display in self.outputs:
                self.outputs[display] = content["data"]
        elif kind == "stream":
            self.streams += content["text"]
        elif kind == "error":
            self.errors.append("\n".join(content["traceback"]))
        elif kind == "comm_open":
            self._handle_model(content["comm_id"], content["data"].get("state", {}))
        elif kind == "comm_close":
            self.closed_models.add(content["comm_id"])
        elif kind == "status" and parent == self._request_id and content["execution_state"] == "idle":
            self._idle = True
        found = AUTHORIZE_URL.search(self.text)
        if found is not None and self.seconds_to_link is None:
            self.seconds_to_link = time.monotonic() - self._started
            self.on_link(found[0])
