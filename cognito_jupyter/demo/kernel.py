"""A real Jupyter kernel without a front end: runs cells, collects what they show, and replies to their prompts.

The demo's check and the tests use it.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from jupyter_client.manager import KernelManager

from ..oauth.relay.sockets import MAX_SOCKET_PATH

_READY_TIMEOUT = 60.0
_POLL_INTERVAL = 0.1

Message = dict[str, Any]


class CellTimeoutError(Exception):
    """A cell did not end in time."""


@dataclass
class CellRun:
    """The result of a cell.

    Attributes:
        outputs: The outputs as a notebook would save them, with updated displays in place of the old ones.
        error: The text of the error; None if the cell succeeded.
        prompts: The prompts of the cell, each with whether its input was hidden.
        pending_prompt: The prompt that has no reply yet.
    """

    outputs: list[Message] = field(default_factory=list)
    error: str | None = None
    prompts: list[tuple[str, bool]] = field(default_factory=list)
    pending_prompt: str | None = None

    @property
    def text(self) -> str:
        """All outputs as text."""
        return "".join(_as_text(output) for output in self.outputs)


class Kernel:
    """A kernel of this environment, which ends with its `with` block and with this process.

    Args:
        environment: The environment of its process.
        folder: Its working directory.
        allow_stdin: Whether its front end can reply to prompts.

    Attributes:
        manager: jupyter_client's manager of the kernel.
        client: jupyter_client's client of the kernel.
    """

    def __init__(self, environment: Mapping[str, str], *, folder: Path | None = None, allow_stdin: bool = True) -> None:
        self._environment = dict(environment)
        self._cwd = str(folder) if folder else None
        self._allow_stdin = allow_stdin
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self.manager: Any = None
        self.client: Any = None

    def __enter__(self) -> Self:
        self._sockets = tempfile.TemporaryDirectory(prefix="kernel-")
        self.manager = KernelManager(kernel_name="python3", **_connection(Path(self._sockets.name)))
        try:
            # stderr: a kernel writes warnings to its terminal that do not matter here.
            self.manager.start_kernel(env=self._environment, cwd=self._cwd, stderr=subprocess.DEVNULL)
            self.client = self.manager.client()
            self.client.start_channels(stdin=False)
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def _wait_until_ready(self) -> None:
        """Waits until the kernel replies and its outputs arrive: messages before the connection of IOPub are lost.

        jupyter_client's own `wait_for_ready` goes on to read the outputs until there are none for a fifth of a second.
        """
        deadline = time.monotonic() + _READY_TIMEOUT
        while time.monotonic() < deadline and self.manager.is_alive():
            request_id = self.client.kernel_info()
            with suppress(queue.Empty):
                while self.client.get_shell_msg(timeout=1)["parent_header"].get("msg_id") != request_id:
                    pass
                # Only now: before the kernel listens, the attempt to connect would be repeated after a moment, in which
                # the prompt of a first cell is lost.
                self.client.stdin_channel.start()
                while not _is_end_of(self.client.get_iopub_msg(timeout=0.2), request_id):
                    pass
                return
        raise RuntimeError("The kernel did not start.")

    def _stop(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        if self._sockets is not None:
            self._sockets.cleanup()

    def __exit__(self, *error: object) -> None:
        self._stop()

    def run_cell(
        self,
        code: str,
        *,
        on_output: Callable[[str], None] | None = None,
        on_input: Callable[[str], str | None] | None = None,
        timeout: float = 60.0,
    ) -> CellRun:
        """Runs one cell to its end.

        Args:
            code: The cell's source.
            on_output: Called with the text of each output as soon as it is shown.
            on_input: Called with a prompt; returns the reply, or None to be called again in a moment.
            timeout: Seconds.

        Raises:
            CellTimeoutError: The cell did not end in time; it is still running.
        """
        request_id = self._send(code)
        run, displays = CellRun(), dict[str, Message]()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._reply_to_prompt(run, on_input)
            message = self.next_message()
            if message is None or message["parent_header"].get("msg_id") != request_id:
                continue
            if _is_end_of(message, request_id):
                return run
            kind, content = message["msg_type"], message["content"]
            output = _add_output(run, displays, kind, content)
            if output is not None and on_output is not None:
                on_output(_as_text(output))
        raise CellTimeoutError(f"The cell did not end within {timeout:.0f} s.")

    def _send(self, code: str) -> str:
        """Sends a cell as a notebook in a browser does: jupyter_client's own ids would tell of a console."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "stop_on_error": True}
        message = self.client.session.msg("execute_request", {**content, "allow_stdin": self._allow_stdin})
        message["msg_id"] = message["header"]["msg_id"] = uuid.uuid4().hex
        self.client.shell_channel.send(message)
        return str(message["msg_id"])

    def next_message(self) -> Message | None:
        """Returns the next message on the kernel's IOPub channel; None if there is none for a moment."""
        with suppress(queue.Empty):
            return cast("Message", self.client.get_iopub_msg(timeout=_POLL_INTERVAL))
        return None

    def _reply_to_prompt(self, run: CellRun, on_input: Callable[[str], str | None] | None) -> None:
        with suppress(queue.Empty):
            content = self.client.get_stdin_msg(timeout=0)["content"]
            run.prompts.append((content["prompt"], bool(content["password"])))
            run.pending_prompt = content["prompt"]
        if run.pending_prompt is not None and on_input is not None:
            reply = on_input(run.pending_prompt)
            if reply is not None:
                run.pending_prompt = None
                self.client.input(reply)


def _connection(folder: Path) -> dict[str, str]:
    """Returns how a kernel is reached: over Unix sockets in a folder of its own, where the system has them.

    A kernel's five TCP ports would be chosen before it starts, and another program could bind one of them in between:
    the kernel would end at once.
    """
    file = {"connection_file": str(folder / "kernel.json")}
    if sys.platform == "win32" or len(os.fsencode(folder / "ipc-1")) > MAX_SOCKET_PATH:
        return file
    return {**file, "transport": "ipc", "ip": str(folder / "ipc")}


def _is_end_of(message: Message, request_id: str) -> bool:
    """Returns whether a message on IOPub says that the kernel has handled a request."""
    ended = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
    return bool(ended and message["parent_header"].get("msg_id") == request_id)


def _add_output(run: CellRun, displays: dict[str, Message], kind: str, content: Message) -> Message | None:
    """Adds a message's output to the run, or puts it in place of the display that it updates.

    Args:
        run: The run.
        displays: The run's outputs by their display id.
        kind: The message's type.
        content: The message's content.

    Returns:
        The output; None if the message is none.
    """
    if kind == "error":
        run.error = "\n".join(content["traceback"]) or f"{content['ename']}: {content['evalue']}"
    if kind not in {"stream", "display_data", "update_display_data", "execute_result", "error"}:
        return None
    output = {"output_type": kind, **content}
    display_id = content.get("transient", {}).get("display_id")
    if kind == "update_display_data":
        if display_id in displays:
            displays[display_id]["data"] = content["data"]
        return output
    if display_id is not None:
        displays[display_id] = output
    run.outputs.append(output)
    return output


def _as_text(output: Message) -> str:
    if "text" in output:
        return str(output["text"])
    if "traceback" in output:
        return "\n".join(output["traceback"]) + "\n"
    return str(output.get("data", {}).get("text/plain", "")) + "\n"
