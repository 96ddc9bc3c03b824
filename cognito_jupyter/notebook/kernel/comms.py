"""Processes the messages of widgets while a cell blocks; all other messages stay in their order.

A blocked cell occupies the kernel's main shell. Messages that the front end sends stay in that shell's stream, so that
a click on a widget of the cell would be processed only after the cell. The private parts of ipykernel used here are the
same in 6.31 and in 7.x; where one of them is missing there is no pump, and widgets react after the cell.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any

_COMM_MESSAGES = frozenset({"comm_open", "comm_msg", "comm_close"})
_LOG = logging.getLogger(__name__)
_POLL_INTERVAL = 0.5
"""Seconds."""
_POLL_COUNT = 60


@contextlib.contextmanager
def comm_pump(kernel: Any) -> Iterator[Callable[[], None]]:
    """Yields a function that runs the comm messages that have arrived, to be called repeatedly while a cell blocks.

    At the end it passes the other messages on in their order, also after the stop button.

    Args:
        kernel: The kernel of ipykernel. The function does nothing where a part of the kernel that it needs is missing,
            or where this is None.
    """
    try:
        thread = getattr(kernel, "shell_channel_thread", None)
        if thread is None:
            stream = kernel.shell_stream  # 6.x
        else:
            # 7.x: a separate thread receives all messages and passes on those of the main shell through these sockets.
            stream = thread.manager.get_shell_channel_to_subshell_pair(None).to_stream
        parts = (stream._recv_callback, stream._run_callback, kernel._publish_status, kernel.session.deserialize)
        complete = "comm_msg" in kernel.shell_handlers and all(map(callable, parts))
    except AttributeError:
        complete = False
    if not complete:
        yield lambda: None
        return
    import zmq

    original, copy = stream._recv_callback, stream._recv_copy
    deferred: list[Any] = []
    stream.on_recv(functools.partial(_run_or_defer, kernel, stream, deferred), copy=False)
    try:
        yield functools.partial(stream.flush, zmq.POLLIN)
    finally:
        stream.on_recv(original, copy=copy)
        for frames in deferred:
            stream._run_callback(original, [frame.bytes for frame in frames] if copy else frames)


def _run_or_defer(kernel: Any, stream: Any, deferred: list[Any], frames: Any) -> None:
    """Runs a comm message, or adds another message to `deferred`."""
    session = kernel.session
    try:
        identities, parts = session.feed_identities(frames, copy=False)
        # Reading only the header does not mark the message as received.
        kind = session.deserialize(parts, content=False, copy=False)["header"]["msg_type"]
    except (ValueError, KeyError, IndexError, TypeError):
        # It is not signed with this kernel's key, or no message at all; the usual handler decides.
        kind = None
    if kind not in _COMM_MESSAGES:
        deferred.append(frames)
        return
    message = session.deserialize(parts, content=True, copy=False)
    # A widget sends its next change only after the kernel has reported that the last one is done.
    kernel._publish_status("busy", "shell", parent=message)
    try:
        kernel.shell_handlers[kind](stream, identities, message)
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
        kernel: The kernel of ipykernel; None outside a kernel, where nothing is polled.
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
