"""Servers that never reply: one accepts connections and says nothing, the other accepts none."""

from __future__ import annotations

import socket
from typing import Self


class SilentServer:
    """Listens on loopback for the length of its `with` block, and replies to nothing.

    Args:
        accepts: Whether connections are accepted; otherwise they are opened and stay unfinished, as behind a firewall.

    Attributes:
        port: Its port.
    """

    def __init__(self, *, accepts: bool) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100 if accepts else 0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting: list[socket.socket] = []
        if not accepts:
            # The queue of a listener that accepts none is full after the first ones; Linux drops what comes then.
            for _ in range(3):
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", self.port))
                self._waiting.append(waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for each in (*self._waiting, self._listener):
            each.close()

    def wait_for_request(self) -> None:
        """Waits until a request has arrived; only for one that accepts connections."""
        self._listener.settimeout(20)
        self._waiting.append(self._listener.accept()[0])
        self._waiting[-1].settimeout(20)
        assert self._waiting[-1].recv(1, socket.MSG_PEEK)
