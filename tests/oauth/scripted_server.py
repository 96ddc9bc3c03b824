"""A server whose responses a test writes byte for byte, to act as broken servers and proxies do."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

ConnectionScript = bytes | Callable[[socket.socket], None]
"""What one connection gets: these bytes after its request was read, or what a function sends."""


def http_response(status: str, body: bytes | str, content_type: str = "application/json", **headers: str) -> bytes:
    """Returns an HTTP response with a body."""
    raw = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": content_type, "Content-Length": str(len(raw)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + raw


def json_response(payload: object, **headers: str) -> bytes:
    """Returns a 200 with a JSON body."""
    return http_response("200 OK", json.dumps(payload), **headers)


class ScriptedServer:
    """Plays one script for each connection and repeats the last one.

    Args:
        scripts: What each connection gets, in order.

    Attributes:
        origin: The server's URL without a path.
        requests: The requests that it has read.
    """

    def __init__(self, scripts: Iterable[ConnectionScript]) -> None:
        self._scripts = list(scripts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.requests.append(_read_request(connection))
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                if callable(script):
                    script(connection)
                else:
                    connection.sendall(script)


def _read_request(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    text = b""
    while b"\r\n\r\n" not in text:
        part = connection.recv(65536)
        if not part:
            return text
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
