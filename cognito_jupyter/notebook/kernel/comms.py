"""Processes the messages of widgets while a cell waits; all other messages stay in their order.

A cell that waits occupies its shell, so that a click on a widget of the cell would be processed only after the cell.
One `CommPump` for each shell takes its place in the shell's stream for as long as anything waits: it runs the messages
of widgets at once, and gives all others to ipykernel at once, which runs them after the cell, or right away where no
cell is running. So it holds no message back, and it does not matter in which order those that wait start and end. The
private parts of ipykernel used here are the same in 6.31 and in 7.x; where one of them is missing there is no pump, and
widgets react after the cell.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .interrupts import interruptible

_COMM_MESSAGES = frozenset({"comm_open", "comm_msg", "comm_close"})
_LOG = logging.getLogger(__name__)
_POLL_INTERVAL = 0.5
"""Seconds."""
_POLL_COUNT = 60


@contextlib.contextmanager
def comm_pump(kernel: Any) -> Iterator[Callable[[], None]]:
    """Processes the comm messages of the shell that calls it, until the end of the `with`.

    It yields a function that a cell which blocks its shell calls repeatedly, to process the messages that have arrived.
    While the shell's event loop runs, they are processed without it.

    Args:
        kernel: The kernel of ipykernel. Nothing is processed where a part of the kernel that it needs is missing, where
            this is None, and outside the threads of the kernel's shells: a shell that does not wait processes its
            messages itself, and a forked child must not touch its parent's sockets.
    """
    stream = _shell_stream(kernel)
    if stream is None:
        yield lambda: None
        return
    pump = stream._recv_callback
    if not isinstance(pump, CommPump):
        pump = CommPump(kernel, stream)
    pump.add_user()
    try:
        yield pump.process_messages
    finally:
        pump.remove_user()


class CommPump:
    """The receiver of a shell's messages while at least one login waits in that shell.

    It is found as the callback of the stream. One that is still called after its last user has left, because somebody
    has put another callback on top of it, passes all messages on.

    Args:
        kernel: The kernel.
        stream: The stream of one of its shells. All methods are called in the thread of that shell.
    """

    def __init__(self, kernel: Any, stream: Any) -> None:
        self._kernel = kernel
        self._stream = stream
        self._original, self._copy = stream._recv_callback, stream._recv_copy
        self._user_count = 0
        self._collecting = False
        self._comm_messages: deque[Any] = deque()

    def add_user(self) -> None:
        """Counts one more that waits; the first one puts this in the place of the stream's callback."""
        self._user_count += 1
        if self._stream._recv_callback is not self:
            self._stream.on_recv(self, copy=False)

    def remove_user(self) -> None:
        """Counts one less; after the last one the stream has its own callback again."""
        self._user_count -= 1
        if self._user_count or self._stream.closed():
            return
        if self._stream._recv_callback is self:
            self._stream.on_recv(self._original, copy=self._copy)
        while self._comm_messages:
            self._pass_on(self._comm_messages.popleft())

    def process_messages(self) -> None:
        """Takes all messages that have arrived, and processes those of widgets."""
        import zmq

        # Collected first: an interrupt between two steps of the stream would lose a message.
        self._collecting = True
        try:
            self._stream.flush(zmq.POLLIN)
        finally:
            self._collecting = False
        self._run_comm_messages()

    def __call__(self, frames: Any) -> None:
        """Receives a message, as the callback of the stream."""
        if not self._user_count or not self._is_comm_message(frames):
            self._pass_on(frames)
            return
        self._comm_messages.append(frames)
        if not self._collecting:
            self._run_comm_messages()

    def _pass_on(self, frames: Any) -> None:
        # ipykernel's callback only puts the message into a queue, or starts a task that waits for the running cell.
        self._stream._run_callback(self._original, [frame.bytes for frame in frames] if self._copy else frames)

    def _is_comm_message(self, frames: Any) -> bool:
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(frames, copy=False)
            # Reading only the header does not mark the message as received.
            return session.deserialize(parts, content=False, copy=False)["header"]["msg_type"] in _COMM_MESSAGES
        except (ValueError, KeyError, IndexError, TypeError):
            # It is not signed with this kernel's key, or no message at all; the usual handler decides.
            return False

    def _run_comm_messages(self) -> None:
        while self._comm_messages:
            with interruptible():
                pass  # a stop that was pressed before loses no message
            self._run(self._comm_messages.popleft())

    def _run(self, frames: Any) -> None:
        kernel = self._kernel
        identities, parts = kernel.session.feed_identities(frames, copy=False)
        message = kernel.session.deserialize(parts, content=True, copy=False)
        # A widget sends its next change only after the kernel has reported that the last one is done.
        kernel._publish_status("busy", "shell", parent=message)
        try:
            with interruptible():
                kernel.shell_handlers[message["header"]["msg_type"]](self._stream, identities, message)
        except Exception:  # noqa: BLE001 - an error of the user's own widget, which ipykernel would log as well
            _LOG.warning("A widget's handler failed while a cell was waiting.", exc_info=True)
        finally:
            kernel._publish_status("idle", "shell", parent=message)


def _shell_stream(kernel: Any) -> Any:
    """Returns the stream of the shell that runs in the calling thread; None: there is none, or parts are missing."""
    try:
        thread = getattr(kernel, "shell_channel_thread", None)
        if thread is None:
            stream = kernel.shell_stream  # 6.x
        else:
            # 7.x: a separate thread receives all messages and passes on those of each shell through these sockets.
            shell_id = thread.manager.subshell_id_from_thread_id(threading.get_ident())
            stream = thread.manager.get_shell_channel_to_subshell_pair(shell_id).to_stream
        parts = (stream._recv_callback, stream._run_callback, kernel._publish_status, kernel.session.deserialize)
        complete = "comm_msg" in kernel.shell_handlers and all(map(callable, parts)) and not stream.closed()
        # In a forked child no loop is running.
        in_its_thread = stream.io_loop.asyncio_loop is asyncio.get_running_loop()
    except (AttributeError, LookupError, RuntimeError):
        return None
    return stream if complete and in_its_thread else None


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
