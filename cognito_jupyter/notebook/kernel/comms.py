"""Hearing the widgets while a cell blocks: comm messages run, everything else waits its turn.

A blocked cell holds the kernel's main shell. What the front end sends there meanwhile lies in that shell's stream, so a
click on a widget made in the cell would run only after it. The parts of ipykernel used here are the same in 6.31 and in
7.x; where one of them is missing there is no pump, and a wait is a plain one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

_COMM_MESSAGES = frozenset({"comm_open", "comm_msg", "comm_close"})
_LOG = logging.getLogger(__name__)
_POLL_INTERVAL = 0.5
_POLL_COUNT = 60


class CommPump:
    """Runs the comm messages of a kernel's main shell, when told to; use it in a `with` on the main thread.

    Args:
        kernel: ipykernel's.
        stream: The main shell's stream.
    """

    def __init__(self, kernel: Any, stream: Any) -> None:
        self._kernel = kernel
        self._stream = stream
        self._original: Callable[..., Any] | None = None
        self._copy = False
        self._deferred: list[Any] = []

    @classmethod
    def for_kernel(cls, kernel: Any) -> CommPump | None:
        """The pump of a kernel; None where it cannot be had."""
        try:
            stream = _main_stream(kernel)
            complete = "comm_msg" in kernel.shell_handlers and all(map(callable, _private_parts(kernel, stream)))
        except AttributeError:
            return None
        return cls(kernel, stream) if complete else None

    def __enter__(self) -> Self:
        self._original, self._copy = self._stream._recv_callback, self._stream._recv_copy
        self._stream.on_recv(self._receive, copy=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Gives back what was held, in order; also after the stop button."""
        self._stream.on_recv(self._original, copy=self._copy)
        deferred, self._deferred = self._deferred, []
        for frames in deferred:
            parts = [frame.bytes for frame in frames] if self._copy else frames
            self._stream._run_callback(self._original, parts)

    def pump(self) -> None:
        """Takes what has come, and runs the comm messages of it."""
        import zmq

        self._stream.flush(zmq.POLLIN)

    def _receive(self, frames: Any) -> None:
        """Called by the stream for each message, within `pump`."""
        session = self._kernel.session
        try:
            identities, parts = session.feed_identities(frames, copy=False)
            # A first look at the header alone does not count as having received it.
            kind = session.deserialize(parts, content=False, copy=False)["header"]["msg_type"]
        except (ValueError, KeyError, IndexError, TypeError):
            # Not signed with this kernel's key, or no message at all: whoever handles it otherwise is to judge.
            self._deferred.append(frames)
            return
        if kind in _COMM_MESSAGES:
            self._dispatch(session.deserialize(parts, content=True, copy=False), identities)
        else:
            self._deferred.append(frames)

    def _dispatch(self, message: dict[str, Any], identities: Any) -> None:
        kernel = self._kernel
        # Widgets send their next change only once they have heard that the last one is done.
        kernel._publish_status("busy", "shell", parent=message)
        try:
            kernel.shell_handlers[message["header"]["msg_type"]](self._stream, identities, message)
        except Exception:  # noqa: BLE001 - a widget of the user's, whose faults ipykernel logs too
            _LOG.warning("A widget's handler failed while a cell was waiting.", exc_info=True)
        finally:
            kernel._publish_status("idle", "shell", parent=message)


def poll_shell_stream(kernel: Any, expecting: Callable[[], bool]) -> None:
    """Makes a kernel look for messages by itself, twice a second for half a minute.

    From ipykernel 7.0 to 7.3 a cell's reply goes past the stream that reads the requests, and takes along the wake-up
    for a message that comes in the same moment: it is read when the next client connects, if ever (ipykernel's issue
    1554, mended in 7.4). The first message of a widget that a cell shows comes just then. In 6.x there is one thread,
    and no such moment.

    Args:
        kernel: ipykernel's.
        expecting: Whether a message is still waited for.
    """
    thread, stream = getattr(kernel, "shell_channel_thread", None), getattr(kernel, "shell_stream", None)
    if thread is None or stream is None:
        return
    import zmq

    def poll(polls_left: int) -> None:
        if polls_left and expecting() and not stream.closed():
            stream.flush(zmq.POLLIN)
            thread.io_loop.call_later(_POLL_INTERVAL, poll, polls_left - 1)

    # In the thread that the stream belongs to.
    thread.io_loop.add_callback(poll, _POLL_COUNT)


def _private_parts(kernel: Any, stream: Any) -> tuple[Any, ...]:
    """The parts of ipykernel and pyzmq that have no public name."""
    return (stream._recv_callback, stream._run_callback, kernel._publish_status, kernel.session.deserialize)


def _main_stream(kernel: Any) -> Any:
    """The stream from which the main shell takes its messages."""
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:
        return kernel.shell_stream  # 6.x
    # 7.x: all messages come to a thread of their own, which passes those of the main shell on by this pair.
    return thread.manager.get_shell_channel_to_subshell_pair(None).to_stream
