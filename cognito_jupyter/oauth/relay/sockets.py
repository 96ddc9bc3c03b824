"""What both halves of the relay know: the folder, the names of the sockets, and how both are checked.

Nothing is trusted for its name: folder, socket and peer must all belong to the user of this process.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import stat
import struct
import sys

from ..._util.redaction import SecretBytes

FOLDER_VARIABLE = "COGNITO_JUPYTER_RELAY_FOLDER"
"""The environment variable that names the folder of the sockets; kernels inherit it from their server."""
SERVER_SOCKET = "server"
"""The name of the server's own socket, which tells a kernel that the server lives, and at which addresses."""
MAX_MESSAGE = 1 << 17
"""Bytes; a Jupyter server accepts 64 KB of headers, and so no longer query."""
MAX_SOCKET_PATH = 103
"""Bytes; macOS has 104 for a socket's path and its end, Linux 108."""
_LOCAL_PEERCRED = 1


def socket_name(state: str) -> str:
    """Returns the name of a login's socket: a hash of its state, which neither gives away nor contains it."""
    digest = hashlib.sha256(state.encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def is_private_folder(folder: str) -> bool:
    """Returns whether a path is a folder, and no link, that only the user of this process may enter."""
    with contextlib.suppress(OSError, ValueError):
        found = os.lstat(folder)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return False


def is_own_socket(path: str) -> bool:
    """Returns whether a path is a socket, and no link, that belongs to the user of this process."""
    with contextlib.suppress(OSError, ValueError):
        found = os.lstat(path)
        return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid()
    return False


def has_own_peer(connection: socket.socket) -> bool:
    """Returns whether the process at the other end runs as the same user; False where the system does not tell.

    Args:
        connection: A connected Unix socket.
    """
    with contextlib.suppress(OSError, struct.error):
        if sys.platform == "linux":
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return bool(struct.unpack("3i", credentials)[1] == os.geteuid())
        # The struct xucred of macOS and the BSDs begins with its version, 0, and the user's id.
        version, user = struct.unpack("2I", connection.getsockopt(0, _LOCAL_PEERCRED, 128)[:8])
        return bool(version == 0 and user == os.geteuid())
    return False


def read_line(connection: socket.socket) -> bytes:
    """Returns what arrives up to a line's end, without it; empty if the connection ends or the line is too long.

    Args:
        connection: Its timeout holds for each read.
    """
    received, length = SecretBytes(), -1
    while length < len(received) <= MAX_MESSAGE:
        length = len(received)
        received = SecretBytes(received + connection.recv(1 << 16))
        line, end, _ = map(SecretBytes, received.partition(b"\n"))
        if end:
            return line
    return b""
