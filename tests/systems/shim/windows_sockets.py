"""Windows' sockets: options for a port's exclusive use, sockets that are handed to a child, select for sockets only.

Source: https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse
"""

from __future__ import annotations

import _socket
import array
import contextlib
import errno
import os
import secrets
import select
import socket
import struct
import threading
from collections.abc import Iterable
from typing import Any

from .options import log

SO_EXCLUSIVEADDRUSE = -5
_MOST_IN_SELECT = 512


def listens(listener: socket.socket) -> bool:
    """Returns whether a socket listens for connections."""
    with contextlib.suppress(OSError):
        return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return False


class Socket(socket.socket):
    """A socket that binds, shuts down and is shared as there."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_exclusive = False

    def setsockopt(self, *arguments: Any) -> None:
        if arguments[:2] == (socket.SOL_SOCKET, SO_EXCLUSIVEADDRUSE):
            self._is_exclusive = bool(arguments[2])
            return
        if arguments[:2] == (socket.SOL_SOCKET, socket.SO_REUSEADDR) and arguments[2]:
            log("SO_REUSEADDR lets other programs take the port")
        super().setsockopt(*arguments)

    def bind(self, address: Any) -> None:
        # A port whose old connections are in TIME_WAIT can be bound again, but not for exclusive use. Linux does the
        # first with SO_REUSEADDR and the second without, and lets no one take a port where another socket listens.
        if self.family in {socket.AF_INET, socket.AF_INET6} and not self._is_exclusive:
            super().setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().bind(address)

    def shutdown(self, how: int) -> None:
        if listens(self):
            raise OSError(
                errno.ENOTCONN, "A request to send or receive data was disallowed: the socket is not connected"
            )
        # Also of a socket of another package, for which this package calls it by the class.
        socket.socket.shutdown(self, how)

    def share(self, process_id: int) -> bytes:
        """Returns what another process gets the same socket with; it can be used once."""
        name = f"\0simulated-share-{secrets.token_hex(8)}"
        sender = socket.socket(socket.AF_UNIX)
        sender.bind(name)
        sender.listen(1)
        descriptor = os.dup(self.fileno())

        def send() -> None:
            with sender, contextlib.suppress(OSError):
                connection, _ = sender.accept()
                with connection:
                    socket.send_fds(connection, [b"s"], [descriptor])
            os.close(descriptor)

        threading.Thread(target=send, daemon=True).start()
        return name.encode()


def receive_descriptor(shared: bytes) -> int:
    """Returns the descriptor of a socket that another process has shared.

    Args:
        shared: What `Socket.share` returned there.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect(shared.decode())
    descriptors = array.array("i")
    _, ancillary, _, _ = connection.recvmsg(1, _socket.CMSG_LEN(descriptors.itemsize))
    descriptors.frombytes(ancillary[0][2])
    connection.close()
    return descriptors[0]


def fromshare(shared: bytes) -> socket.socket:
    """Is socket.fromshare."""
    return Socket(fileno=receive_descriptor(shared))


class BuiltInSocket(_socket.socket):
    """The socket of the module `_socket`, whose fourth argument may be a shared one."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:  # noqa: A002 - its name there
        if isinstance(fileno, bytes):
            super().__init__(fileno=receive_descriptor(fileno))
        else:
            super().__init__(family, type, proto, fileno)

    def shutdown(self, how: int, /) -> None:
        if self.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
            raise OSError(errno.ENOTCONN, "The socket is not connected")
        # Also of a socket of another package, for which this package calls it by the class.
        socket.socket.shutdown(self, how)


def select_sockets(reading: Iterable[Any], writing: Iterable[Any], other: Iterable[Any], *timeout: Any) -> Any:
    """Is select.select, which there accepts sockets alone, and at least one, and no more than 512.

    Args:
        reading: As there.
        writing: As there.
        other: As there.
        timeout: As there.
    """
    lists = [list(each) for each in (reading, writing, other)]
    for each in (each for part in lists for each in part):
        descriptor = each if isinstance(each, int) else each.fileno()
        if not os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
    if not any(lists):
        raise OSError(10022, "An invalid argument was supplied")
    if max(map(len, lists)) > _MOST_IN_SELECT:
        raise ValueError("too many file descriptors in select()")
    return select.select(lists[0], lists[1], lists[2], *timeout)


def install_linger_option() -> None:
    """Lets every socket of the process, those of socketserver too, have SO_LINGER as Windows: in two short numbers."""
    set_option, get_option = socket.socket.setsockopt, socket.socket.getsockopt
    linger, size = (socket.SOL_SOCKET, socket.SO_LINGER), struct.calcsize("hh")

    def setsockopt(self: socket.socket, level: int, optname: int, *value: Any) -> None:
        if (level, optname) == linger and isinstance(value[0], bytes) and len(value[0]) == size:
            value = (struct.pack("ii", *struct.unpack("hh", value[0])),)
        set_option(self, level, optname, *value)

    def getsockopt(self: socket.socket, level: int, optname: int, *length: int) -> Any:
        if (level, optname) == linger and length == (size,):
            return struct.pack("hh", *struct.unpack("ii", get_option(self, level, optname, struct.calcsize("ii"))))
        return get_option(self, level, optname, *length)

    socket.socket.setsockopt = setsockopt  # type: ignore[assignment, method-assign]  # for all
    socket.socket.getsockopt = getsockopt  # type: ignore[assignment, method-assign]  # likewise


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    return {
        "socket": {
            "socket": Socket, "SocketType": Socket, "fromshare": fromshare, "SO_EXCLUSIVEADDRUSE": SO_EXCLUSIVEADDRUSE,
        },
        "_socket": {"socket": BuiltInSocket, "SO_EXCLUSIVEADDRUSE": SO_EXCLUSIVEADDRUSE},
        "select": {"select": select_sockets},
    }  # fmt: skip
