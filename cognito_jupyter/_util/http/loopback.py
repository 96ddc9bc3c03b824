"""Sockets on loopback: listening on both of its addresses, and whose process is at the other end.

The callback server uses it.
"""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

_EPHEMERAL_TRIES = 20
_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
_USER_ID_COLUMN = 7
"""Of /proc/net/tcp: https://docs.kernel.org/networking/proc_net_tcp.html"""


def listen_on_both_loopbacks(port: int, backlog: int) -> list[socket.socket]:
    """Returns sockets that listen on 127.0.0.1 and, unless this machine has no IPv6, on ::1, at the same port.

    It binds both or none: "localhost" may mean either, and another user's process on the other address would receive
    what is meant for this one.

    Args:
        port: The port; 0: any free one.
        backlog: How many connections may wait to be accepted.

    Raises:
        OSError: The port is not free on both, or may not be used.
    """
    for remaining in range(_EPHEMERAL_TRIES if port == 0 else 1, 0, -1):
        listeners: list[socket.socket] = []
        try:
            listeners.append(_listen(socket.AF_INET, "127.0.0.1", port, backlog))
            listeners.append(_listen(socket.AF_INET6, "::1", listeners[0].getsockname()[1], backlog))
        except OSError as error:
            if listeners and (error.errno in _NO_IPV6 or not socket.has_ipv6):
                return listeners
            for listener in listeners:
                listener.close()
            if remaining == 1:
                raise
        else:
            break
    return listeners


def _listen(family: socket.AddressFamily, host: str, port: int, backlog: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # On Windows another process cannot bind an address that was bound without options, whatever options it uses
        # (https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse). With
        # SO_EXCLUSIVEADDRUSE the remainders of an earlier login's connections would block the port for minutes.
        if sys.platform != "win32":
            # On POSIX this allows a port to be bound again right after a login, but not while another process listens.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def peer_user_id(connection: socket.socket) -> int | None:
    """Returns the user whose process is at the other end of a connection on loopback; None if that is not known.

    Linux shows it in /proc/net. Other systems do not show it without the rights of an administrator.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        ends = [_as_in_proc(connection.getpeername()), _as_in_proc(connection.getsockname())]
        # A process may connect to 127.0.0.1 from an IPv6 socket, which then stands in the second table.
        for table in ("tcp", "tcp6"):
            for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if [end[-len(ends[0]) :] for end in fields[1:3]] == ends:
                    return int(fields[_USER_ID_COLUMN])
    except (OSError, ValueError, IndexError):
        pass  # it is mounted for the superuser alone, or not at all
    return None


def _as_in_proc(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Returns an address as /proc/net writes it: words of 32 bits in the processor's order, and the port."""
    host, port = address[:2]
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = [int.from_bytes(packed[i : i + 4], sys.byteorder) for i in range(0, len(packed), 4)]
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
