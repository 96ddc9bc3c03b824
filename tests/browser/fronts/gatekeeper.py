"""A proxy that lets a browser reach a few ports and nothing else: where there are no network namespaces."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Collection
from urllib.parse import urlsplit

from .tunnel import pump_both_ways

_MAX_HEAD_BYTES = 65_536


class AllowlistProxy:
    """An HTTP proxy (RFC 9110, section 7.6); whoever asks for a port that is not allowed is hung up on.

    Args:
        allowed: The ports of this machine.

    Attributes:
        port: Its own.
        refused: The ports that were asked for in vain.
    """

    def __init__(self, allowed: Collection[int]) -> None:
        self._allowed = frozenset(allowed)
        self.refused: list[int] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Lets nobody in any more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser = self._socket.accept()[0]
                threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        head, _, rest = _read_head(browser).partition(b"\r\n\r\n")
        method, target, version = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        where = urlsplit(f"//{target}" if method == "CONNECT" else target)
        if where.port not in self._allowed:
            self.refused.append(where.port or 80)
            browser.close()
            return
        server = socket.create_connection(("localhost", where.port))
        if method == "CONNECT":
            browser.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = (where.path or "/") + (f"?{where.query}" if where.query else "")
            lines = head.split(b"\r\n")[1:]
            forwarded = [line for line in lines if not line.lower().startswith((b"proxy-", b"connection:"))]
            # One request for each connection, since the next one may be for another port.
            first = f"{method} {path} {version}".encode()
            server.sendall(b"\r\n".join([first, b"Connection: close", *forwarded]) + b"\r\n\r\n" + rest)
        pump_both_ways(browser, server)


def _read_head(browser: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD_BYTES:
        data = browser.recv(4096)
        if not data:
            break
        head += data
    return head
