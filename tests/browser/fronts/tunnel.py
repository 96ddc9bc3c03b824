"""Passes connections on, from one socket address to another: also between network namespaces, by a socket file."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

Address = tuple[str, int] | Path


class ForwardingProxy:
    """Listens at one address and passes every connection on to the other, until its process ends.

    Args:
        listen_at: Where to listen.
        connect_to: Where to connect.

    Attributes:
        port: The one it listens at; 0 for a socket file.
    """

    def __init__(self, listen_at: Address, connect_to: Address) -> None:
        self._target = connect_to
        self._socket = _socket_for(listen_at)
        self._socket.bind(str(listen_at) if isinstance(listen_at, Path) else listen_at)
        self._socket.listen(128)
        self.port: int = 0 if isinstance(listen_at, Path) else self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listens no more."""
        # Closing alone would not wake up the thread that waits for the next connection.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._socket.accept()[0]
                far = _socket_for(self._target)
                try:
                    far.connect(str(self._target) if isinstance(self._target, Path) else self._target)
                except OSError:
                    near.close()
                    continue
                pump_both_ways(near, far)


def pump_both_ways(one: socket.socket, other: socket.socket) -> None:
    """Passes on what comes at either, until both have ended."""
    for source, target in ((one, other), (other, one)):
        threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _socket_for(address: Address) -> socket.socket:
    if isinstance(address, Path):
        return socket.socket(socket.AF_UNIX)
    return socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
