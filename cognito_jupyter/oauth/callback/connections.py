"""The connections of the callback server: why a port accepts none, what is read of their headers, and how they end.

Sources: RFC 9112, section 5; RFC 9293, section 3.6.1.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import socket
import struct
import sys
import threading
import time

from ..._util.threads.waiting import join_in_slices
from ...errors import ListenerError

_MAX_HEADERS = 1 << 24
"""Bytes; browsers keep at most 180 cookies of 4 KB for a host. They are read, and not held."""
_NEEDED_HEADERS = (b"host:", b"forwarded:", b"x-forwarded-")
"""The host that the browser has asked for; and those that a proxy adds, which may have changed the host (RFC 7239)."""
_CLOSE_TIMEOUT = 1.0
"""Seconds that a response in transit gets, and the browser to close its connection, before this end closes it."""
_WSAEACCES = 10013
_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER, switched on, with no seconds to linger."""


def listener_error(port: int, error: OSError) -> ListenerError:
    """Returns this package's error for a port that cannot be listened on.

    Args:
        port: The port.
        error: What the system says.
    """
    if error.errno in {errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)}:
        return ListenerError(
            f"Port {port} is in use by another program, so the browser cannot return to this login.",
            f"Close the program that uses port {port}, or register another redirect URI and add it to redirect_uri.",
        )
    if getattr(error, "winerror", None) == _WSAEACCES:
        return ListenerError(
            f"Windows does not let any program listen on port {port} (WinError 10013): it is reserved, usually for "
            "Hyper-V, WSL or Docker.",
            "Register a redirect URI with another port and add it to redirect_uri; this lists the reserved ports: "
            "netsh interface ipv4 show excludedportrange protocol=tcp",
        )
    if error.errno == errno.EACCES:
        return ListenerError(
            f"You may not listen on port {port}.",
            "Register a redirect URI with a port above 1023, such as http://localhost:3000.",
        )
    return ListenerError(
        f"The callback server could not be started on port {port}: {error.strerror}.",
        "Check that this machine's loopback interface is up, or paste the address instead.",
    )


class HostHeaderReader(io.BufferedIOBase):
    """Reads header lines up to the end of the headers, and passes on only those that are needed here.

    The standard library refuses a line above 64 KB, and more than 100 headers. A browser sends the cookies of every
    program on localhost to each of them, whatever the port (RFC 6265, section 8.5), and may exceed both.

    Args:
        lines: The connection, after the request line.
    """

    def __init__(self, lines: io.BufferedIOBase) -> None:
        self._lines = lines
        self._bytes_read = 0
        self._in_needed_header = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Returns the next line of a header that is needed, or the line that ends the headers.

        Args:
            size: The greatest number of bytes to return.

        Raises:
            LineTooLong: The headers are larger than any browser's.
        """
        at_line_start = True
        while part := self._lines.readline(-1 if size is None else size):
            self._bytes_read += len(part)
            if self._bytes_read > _MAX_HEADERS:
                raise http.client.LineTooLong("headers")
            if at_line_start and part[:1] not in {b" ", b"\t"}:  # else it continues the header before (RFC 9112, 5.2)
                self._in_needed_header = part.lower().startswith(_NEEDED_HEADERS)
            if self._in_needed_header or (at_line_start and part in {b"\r\n", b"\n"}):
                return part
            at_line_start = part.endswith(b"\n")
        return b""


def close_connections(connections: list[tuple[socket.socket, threading.Thread]]) -> None:
    """Waits for idle connections, which end at once, and gives responses in transit a moment to finish.

    Args:
        connections: Each connection with the thread that handles it.
    """
    deadline = time.monotonic() + _CLOSE_TIMEOUT
    for connection, thread in connections:
        if thread is threading.current_thread():
            continue
        if not join_in_slices(thread, max(0.0, deadline - time.monotonic())):
            shutdown_socket(connection)
            join_in_slices(thread, _CLOSE_TIMEOUT)


def let_peer_close_first(connection: socket.socket, *, wait: bool) -> None:
    """Leaves nothing of a connection at this port: the end that closes first keeps it, for up to four minutes.

    That is TIME_WAIT (RFC 9293, section 3.6.1). On Windows such a remainder can block the port for the next login. A
    browser closes a connection as soon as it has the whole page, because the response says `Connection: close`.

    Args:
        connection: The connection, whose response has been sent.
        wait: Whether there was a request; a connection without one is reset, which loses nothing.
    """
    if not wait:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return
    deadline = time.monotonic() + _CLOSE_TIMEOUT
    while (remaining := deadline - time.monotonic()) > 0:
        connection.settimeout(remaining)
        if not connection.recv(_CHUNK):
            return


def shutdown_socket(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Ends a connection in one or both directions.

    Args:
        connection: The connection; its own thread may have closed it already.
        how: The direction, as `socket.shutdown` names it.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(how)
