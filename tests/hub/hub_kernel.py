"""A kernel on a hub's server, driven over the server's websocket, as a front end without widgets drives it."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
import uuid
from contextlib import suppress
from html import unescape
from typing import Any

import websocket

from tests.support.polling import wait_until

from .running_hub import RunningHub

_LINK = re.compile(r"https?://[^\s\"'<>]+/oauth2/authorize\?[^\s\"'<>]+")


class HubKernel:
    """One kernel of a user.

    Args:
        hub: The hub.
        user: The user.
        server: The name of the user's server; the empty name is the default server's.
    """

    def __init__(self, hub: RunningHub, user: str, server: str = "") -> None:
        self._hub = hub
        self._path = hub.server_url(user, server).removeprefix(hub.url) + "api/kernels"
        response = hub.request("POST", self._path, json={"name": "python3"})
        assert response.status_code == 201, response.text
        self._id: str = response.json()["id"]
        self._cells: dict[str, HubCell] = {}
        url = f"{hub.url}{self._path}/{self._id}/channels".replace("https:", "wss:")
        context = ssl.create_default_context(cafile=hub.ca_file)
        self._socket = websocket.create_connection(
            url, header=hub.authorization, sslopt={"context": context}, timeout=120
        )
        threading.Thread(target=self._read, daemon=True).start()

    @classmethod
    def start(cls, hub: RunningHub, user: str, server: str = "") -> HubKernel:
        """Returns a new kernel with this package's magics, on a server that it starts if it does not run."""
        hub.start_server(user, server)
        kernel = cls(hub, user, server)
        kernel.run("%load_ext cognito_jupyter")
        return kernel

    def shut_down(self) -> None:
        """Ends the kernel."""
        self._hub.request("DELETE", f"{self._path}/{self._id}")
        self._socket.close()

    def restart(self) -> None:
        """Restarts the kernel, as a front end does."""
        assert self._hub.request("POST", f"{self._path}/{self._id}/restart").ok

    def start_cell(self, source: str) -> HubCell:
        """Starts a cell."""
        cell = HubCell(self)
        self._cells[cell.id] = cell
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": True}
        self.send("execute_request", content | {"user_expressions": {}}, "shell", cell.id)
        return cell

    def run(self, source: str) -> str:
        """Runs a cell; returns the text of its outputs."""
        return self.start_cell(source).wait()

    def send(self, kind: str, content: dict[str, Any], channel: str, message_id: str | None = None) -> None:
        """Sends a message of the Jupyter protocol."""
        header = {
            "msg_id": message_id or uuid.uuid4().hex,
            "msg_type": kind,
            "session": "tests",
            "username": "",
            "version": "5.3",
        }
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}
        self._socket.send(json.dumps(message))

    def _read(self) -> None:
        with suppress(websocket.WebSocketException, OSError, ValueError):
            while text := self._socket.recv():
                message = json.loads(text)
                cell = self._cells.get(message.get("parent_header", {}).get("msg_id", ""))
                if cell is not None:
                    cell.on_message(message["header"]["msg_type"], message["content"])


class HubCell:
    """A cell that runs, or has run.

    Args:
        kernel: Its kernel.

    Attributes:
        id: The id of its request.
        ended_at: When its kernel said that it has ended (`time.monotonic`); None while it runs.
    """

    def __init__(self, kernel: HubKernel) -> None:
        self._kernel = kernel
        self.id = uuid.uuid4().hex
        self._texts: list[str] = []
        self._asks = threading.Event()
        self._has_all_outputs = threading.Event()
        self.ended_at: float | None = None

    def on_message(self, kind: str, content: dict[str, Any]) -> None:
        """Notes a message of the kernel."""
        if kind == "stream":
            self._texts.append(content["text"])
        elif kind in {"display_data", "update_display_data", "execute_result"}:
            self._texts += [str(text) for text in content["data"].values()]
        elif kind == "error":
            self._texts.append("\n".join(content["traceback"]))
        elif kind == "input_request":
            self._texts.append(content["prompt"])
            self._asks.set()
        elif kind == "execute_reply":
            self.ended_at = time.monotonic()
        elif kind == "status" and content["execution_state"] == "idle":
            # The kernel's last message on the channel of the outputs, which may come after the reply.
            self._has_all_outputs.set()

    @property
    def text(self) -> str:
        """Everything that the cell has shown, updates included."""
        return "\n".join(self._texts)

    def link(self) -> str:
        """Waits until the cell shows a link to the sign-in page; returns it."""
        wait_until(lambda: _LINK.search(unescape(self.text)), lambda: f"No link: {self.text}")
        found = _LINK.search(unescape(self.text))
        assert found is not None
        return found.group()

    def paste(self, text: str) -> None:
        """Waits until the cell asks for a line, and enters one."""
        wait_until(self._asks.is_set, lambda: f"It does not ask: {self.text}")
        self._asks.clear()
        self._kernel.send("input_reply", {"value": text, "status": "ok"}, "stdin")

    def wait(self) -> str:
        """Waits until the cell has run; returns the text of its outputs."""
        wait_until(
            lambda: not self.is_waiting and self._has_all_outputs.is_set(), lambda: f"It still runs: {self.text}"
        )
        return self.text

    @property
    def is_waiting(self) -> bool:
        """Whether it still runs."""
        return self.ended_at is None
