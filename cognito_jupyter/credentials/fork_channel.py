"""A channel on which a forked child asks the process that it was forked from, over a socket that it inherited.

`UserPoolTokens` has one, because only the process of the sign-in may spend the refresh token. Only the descendants of
that process have the socket: it has no address, and a program that they start does not inherit it. Nothing is opened
before the first fork. This module does not know what is asked.

`multiprocessing.connection` has a listener and a client for this, but needs a file as the address, and a password.
"""

from __future__ import annotations

import os
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

from .._util.process_local import ProcessLocal
from ..errors import UnavailableError

_MAX_REQUEST = 4096
"""Bytes."""
_TIMEOUT = 60.0
"""Seconds that a child waits: as long as the slowest refresh takes, with its retries."""
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
"""macOS does not have it."""


class ForkChannel:
    """Answers the requests of the children that are forked from this process.

    After the first fork a daemon thread of this process reads requests, until this object is garbage-collected. A child
    sends each request with one end of a new pair of sockets, and reads the response from the other end.

    Args:
        respond: A bound method, held weakly: takes a request, and returns the response, one line without its line
            break. It is called in the thread, for one request at a time, and must not raise.
    """

    def __init__(self, respond: Callable[[bytes], bytes]) -> None:
        self._owner_pid = os.getpid()
        self._respond = weakref.WeakMethod(respond)
        self._lock = ProcessLocal(threading.Lock)
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        if hasattr(os, "register_at_fork"):
            _CHANNELS.add(self)

    @property
    def in_child(self) -> bool:
        """Whether this process was forked from the one that made the channel."""
        return os.getpid() != self._owner_pid

    def request(self, request: bytes) -> bytes:
        """Sends a request to the process that made the channel, and returns its response; called in a child.

        Args:
            request: 4 KB at most; it reaches no other process.

        Raises:
            UnavailableError: That process has ended, or does not respond (a ConnectionError).
        """
        failure = "has ended"
        try:
            if self._sockets is not None:
                mine, theirs = socket.socketpair()
                with mine:
                    with theirs:
                        socket.send_fds(self._sockets[1], [request], [theirs.fileno()])
                    mine.settimeout(_TIMEOUT)
                    with mine.makefile("rb") as response:
                        line = response.readline()
                if line.endswith(b"\n"):
                    return line[:-1]
        except TimeoutError:
            failure = "does not respond"
        except OSError:
            pass
        raise UnavailableError(
            f"The process that this one was forked from, which refreshes the sign-in for both, {failure}.",
            "Sign in here, or store the sign-in with --remember, so that each process can refresh it.",
        )

    def _open(self) -> None:
        """Opens the sockets, before a fork."""
        with self._lock():
            if self._sockets is None:
                # Datagrams: those of several children do not mix.
                _, sender = self._sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                # For all processes: they share the socket, which is either blocking for all of them or for none.
                sender.settimeout(_TIMEOUT)
                weakref.finalize(self, _wake, sender).atexit = False

    def _serve(self) -> None:
        """Starts the thread, after a fork, if there is none."""
        with self._lock():
            if self._sockets is None or self._thread is not None:
                return
            arguments = (*self._sockets, self._respond)
            thread = threading.Thread(target=_serve, args=arguments, name="cognito-forks", daemon=True)
            # The machine may have no more threads: the next fork tries again.
            with suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def _close_receiver(self) -> None:
        """Closes the child's copy, after a fork: it would hide that the other process has ended."""
        if self._sockets is not None:
            self._sockets[0].close()


def _serve(
    receiver: socket.socket, sender: socket.socket, respond: weakref.WeakMethod[Callable[[bytes], bytes]]
) -> None:
    with receiver, sender:
        while True:
            request, descriptors, _, _ = socket.recv_fds(receiver, _MAX_REQUEST, 1, _CLOSE_ON_EXEC)
            method = respond()
            for descriptor in descriptors:
                with socket.socket(fileno=descriptor) as child:
                    child.settimeout(_TIMEOUT)
                    # The child may have ended since.
                    with suppress(OSError):
                        child.sendall(method(request) + b"\n" if method is not None else b"")
                        # A child that was forked in the meantime has this socket too.
                        child.shutdown(socket.SHUT_RDWR)
            if method is None:
                return
            # Waiting for the next request must not keep the object alive.
            del method


def _wake(sender: socket.socket) -> None:
    """Lets the thread see that the channel is gone; in a child it means nothing."""
    with suppress(OSError):
        sender.send(b"", getattr(socket, "MSG_DONTWAIT", 0))


def _own_channels() -> list[ForkChannel]:
    while True:
        try:
            return [channel for channel in list(_CHANNELS) if not channel.in_child]
        except RuntimeError:  # another thread has just made one
            continue


def _before_fork() -> None:
    for channel in _own_channels():
        channel._open()  # noqa: SLF001 - of this module


def _after_fork_in_parent() -> None:
    for channel in _own_channels():
        channel._serve()  # noqa: SLF001 - of this module


def _after_fork_in_child() -> None:
    for channel in list(_CHANNELS):
        channel._close_receiver()  # noqa: SLF001 - of this module


# The one exception from the rule that no module has state: what is registered at a fork can never be unregistered, and
# so cannot be registered for each channel.
_CHANNELS: weakref.WeakSet[ForkChannel] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
