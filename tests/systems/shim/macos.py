"""What macOS does in another way than Linux."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
from typing import Any

from .windows_sockets import listens

_LOCAL_PEERCRED = 1
_SOL_LOCAL = 0
_LONGEST_SOCKET_PATH = 103
"""Bytes; Linux has 107."""


class Socket(socket.socket):
    """A socket of macOS: shorter paths, and no shutdown of a socket that listens."""

    def _check_path(self, address: Any) -> None:
        is_path = self.family == socket.AF_UNIX and isinstance(address, str | bytes)
        if is_path and len(os.fsencode(address)) > _LONGEST_SOCKET_PATH:
            raise OSError("AF_UNIX path too long")

    def bind(self, address: Any) -> None:
        self._check_path(address)
        super().bind(address)

    def connect(self, address: Any) -> None:
        self._check_path(address)
        super().connect(address)

    def shutdown(self, how: int) -> None:
        if listens(self):
            raise OSError(errno.ENOTCONN, "Socket is not connected")
        # Also of a socket of another package, for which this package calls it by the class.
        socket.socket.shutdown(self, how)


def install_peer_option() -> None:
    """Gives every socket of the process, those of asyncio too, the option of macOS for the peer's user."""
    getsockopt = socket.socket.getsockopt

    def altered(self: socket.socket, level: int, optname: int, *size: int) -> Any:
        if (level, optname) == (_SOL_LOCAL, _LOCAL_PEERCRED) and self.family == socket.AF_UNIX:
            credentials = getsockopt(self, socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            # struct xucred: its version, the user, the number of groups, and room for sixteen of them.
            return struct.pack("IIh2x16I", 0, struct.unpack("3i", credentials)[1], 1, *[0] * 16)[: size[0]]
        return getsockopt(self, level, optname, *size)

    socket.socket.getsockopt = altered  # type: ignore[assignment, method-assign]  # for all


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    return {
        "socket": {"socket": Socket, "SocketType": Socket},
        "selectors": {"DefaultSelector": selectors.SelectSelector},
    }
