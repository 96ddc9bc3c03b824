"""A real Jupyter kernel, and a person in front of it: runs cells, sees what they show, answers what they ask."""

from __future__ import annotations

import os
import queue
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import KernelManager

_READY_TIMEOUT = 30.0
_MAX_STARTS = 3
"""How often a kernel is started at most: its ports are found before, and another program may have them by then."""
_POLL_INTERVAL = 0.1

Message = dict[str, Any]


class CellTimeoutError(Exception):
    """A cell did not end in time."""


@dataclass
class CellRun:
    """What came of a cell.

    Attributes:
        outputs: As a notebook would save them, replaced displays being replaced.
        error: The text that a failed cell shows; None where it went well.
        prompts: What the cell asked, with whether the answer was hidden.
        pending_prompt: The one that was not answered yet.
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
    """A kernel of this environment, ended with this object, and with this process.

    Args:
        environment: What its process sees.
        folder: Where it runs.
        allow_stdin: Whether there is a front end that can be asked.

    Attributes:
        manager, client: jupyter_client's own.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, *, folder: Path | None = None, allow_stdin: bool = True
    ) -> None:
        self._environment = dict(environment if environment is not None else os.environ)
        self._folder = folder
        self._allow_stdin = allow_stdin
        self.manager: Any = KernelManager(kernel_name="python3")
        self.client: Any = None

    def __enter__(self) -> Self:
        for starts_left in reversed(range(_MAX_STARTS)):
            try:
                self._start()
            except RuntimeError:
                if not starts_left:
                    raise
                self.manager = KernelManager(kernel_name="python3")
            else:
                break
        return self

    def _start(self) -> None:
        # A kernel writes warnings to its terminal that concern nobody here.
        self.manager.start_kernel(
            env=self._environment, cwd=str(self._folder) if self._folder else None, stderr=subprocess.DEVNULL
        )
        try:
            self.client = self.manager.client()
            self.client.start_channels()
            self.client.wait_for_ready(timeout=_READY_TIMEOUT)
        except BaseException:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True)
            self.manager.cleanup_resources()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

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
            code: The cell.
            on_output: Told the text of each thing shown, as soon as it is.
            on_input: Told what is asked; returns the answer, or None to be asked again in a moment.
            timeout: Seconds.

        Raises:
            CellTimeoutError: The cell did not end in time; it is still running.
        """
        request_id = self.client.execute(code, allow_stdin=self._allow_stdin)
        run, displays, deadline = CellRun(), _Displays(), time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._reply_to_prompt(run, on_input)
            message = self._next_message()
            if message is None or message["parent_header"].get("msg_id") != request_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return run
            output = displays.add_message(kind, content, run)
            if output is not None and on_output is not None:
                on_output(_as_text(output))
        raise CellTimeoutError(f"The cell did not end within {timeout:.0f} s.")

    def _next_message(self) -> Message | None:
        with suppress(queue.Empty):
            message: Message = self.client.get_iopub_msg(timeout=_POLL_INTERVAL)
            return message
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


class _Displays:
    """Outputs by their display id, so that they can be replaced."""

    def __init__(self) -> None:
        self._by_id: dict[str, Message] = {}

    def add_message(self, kind: str, content: Message, run: CellRun) -> Message | None:
        """Puts a message's output where it belongs; returns it, or None where the message is no output."""
        if kind == "error":
            run.error = "\n".join(content["traceback"]) or f"{content['ename']}: {content['evalue']}"
        if kind not in {"stream", "display_data", "update_display_data", "execute_result", "error"}:
            return None
        output = {"output_type": kind, **content}
        name = content.get("transient", {}).get("display_id")
        if kind == "update_display_data":
            old = self._by_id.get(name)
            if old is not None:
                old["data"] = content["data"]
            return output
        if name is not None:
            self._by_id[name] = output
        run.outputs.append(output)
        return output


def _as_text(output: Message) -> str:
    if "text" in output:
        return str(output["text"])
    if "traceback" in output:
        return "\n".join(output["traceback"]) + "\n"
    return str(output.get("data", {}).get("text/plain", "")) + "\n"
