"""A piece of wire between a client and a server that keeps a copy of what goes through it."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class RecordingProxy:
    """Passes TCP connections on; use it in a `with`.

    Args:
        host, port: Where to.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        recorded: All that went through, in both directions.
    """

    def __init__(self, host: str, port: int) -> None:
        self.recorded = bytearray()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.tap, self._server.beyond = self, (host, port)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    tap: RecordingProxy
    beyond: tuple[str, int]


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with socket.create_connection(self.server.beyond) as beyond:
            back = threading.Thread(target=self._carry, args=(beyond, self.request), daemon=True)
            back.start()
            self._carry(self.request, beyond)
            back.join()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(1 << 16):
                self.server.tap.recorded += part
                target.sendall(part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
