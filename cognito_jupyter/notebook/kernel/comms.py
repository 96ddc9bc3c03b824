"""Processes the messages of widgets while a cell blocks; all other messages stay in their order.

A blocked cell occupies the kernel's main shell. Messages that the front end sends stay in that shell's stream, so that
a click on a widget of the cell would be processed only after the cell. The private parts of ipykernel used here are the
same in 6.31 and in 7.x; where one of them is missing there is no pump, and widgets react after the cell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Self

_COMM_MESSAGES = frozenset({"comm_open", "comm_msg", "comm_close"})
_LOG = logging.getLogger(__name__)
_POLL_INTERVAL = 0.5
"""Seconds."""
_POLL_COUNT = 60


class CommPump:
    """Runs the comm messages of a kernel's main shell at each call of `pump`; used in a `with`, in the main thread.

    Args:
        kernel: The kernel of ipykernel.
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
        """Returns a pump for a kernel; None where a part of the kernel that it needs is missing."""
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

    def __exit__(self, *_: object) -> None:
        """Passes the deferred messages on in their order, also after the stop button."""
        self._stream.on_recv(self._original, copy=self._copy)
        deferred, self._deferred = self._deferred, []
        for frames in deferred:
            parts = [frame.bytes for frame in frames] if self._copy else frames
            self._stream._run_callback(self._original, parts)

    def pump(self) -> None:
        """Receives the messages that have arrived, and runs the comm messages among them."""
        import zmq

        self._stream.flush(zmq.POLLIN)

    def _receive(self, frames: Any) -> None:
        """Runs or defers one message; the stream calls it within `pump`."""
        session = self._kernel.session
        try:
            identities, parts = session.feed_identities(frames, copy=False)
            # Reading only the header does not mark the message as received.
            kind = session.deserialize(parts, content=False, copy=False)["header"]["msg_type"]
        except (ValueError, KeyError, IndexError, TypeError):
            # It is not signed with this kernel's key, or no message at all; the usual handler decides.
            self._deferred.append(frames)
            return
        if kind in _COMM_MESSAGES:
            self._dispatch(session.deserialize(parts, content=True, copy=False), identities)
        else:
            self._deferred.append(frames)

    def _dispatch(self, message: dict[str, Any], identities: Any) -> None:
        kernel = self._kernel
        # A widget sends its next change only after the kernel has reported that the last one is done.
        kernel._publish_status("busy", "shell", parent=message)
        try:
            kernel.shell_handlers[message["header"]["msg_type"]](self._stream, identities, message)
        except Exception:  # noqa: BLE001 - an error of the user's own widget, which ipykernel would log as well
            _LOG.warning("A widget's handler failed while a cell was waiting.", exc_info=True)
        finally:
            kernel._publish_status("idle", "shell", parent=message)


def poll_shell_stream(kernel: Any, expecting: Callable[[], bool]) -> None:
    """Polls a kernel's shell stream twice a second for half a minute.

    In ipykernel 7.0 to 7.3 a cell's reply bypasses the stream that reads the requests and consumes the wake-up for a
    message that arrives at the same moment. That message is then read when the next client connects, if ever
    (ipykernel's issue 1554, fixed in 7.4). The first message of a widget that a cell shows arrives at that moment.
    ipykernel 6 has a single thread and is not affected.

    Args:
        kernel: The kernel of ipykernel.
        expecting: Returns whether a message is still expected.
    """
    thread, stream = getattr(kernel, "shell_channel_thread", None), getattr(kernel, "shell_stream", None)
    if thread is None or stream is None:
        return
    import zmq

    def poll(polls_left: int) -> None:
        if polls_left and expecting() and not stream.closed():
            stream.flush(zmq.POLLIN)
            thread.io_loop.call_later(_POLL_INTERVAL, poll, polls_left - 1)

    # The stream belongs to that thread.
    thread.io_loop.add_callback(poll, _POLL_COUNT)


def _private_parts(kernel: Any, stream: Any) -> tuple[Any, ...]:
    """Returns the parts of ipykernel and pyzmq that have no public name."""
    return (stream._recv_callback, stream._run_callback, kernel._publish_status, kernel.session.deserialize)


def _main_stream(kernel: Any) -> Any:
    """Returns the stream from which the main shell reads its messages."""
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:
        return kernel.shell_stream  # 6.x
    # 7.x: a separate thread receives all messages and passes those of the main shell on through this pair of sockets.
    return thread.manager.get_shell_channel_to_subshell_pair(None).to_stream
