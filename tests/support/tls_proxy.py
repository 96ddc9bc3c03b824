"""A TLS proxy for the local Cognito that can be unreachable, and can present wrong certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

import trustme

ProxyState = Literal["good", "refused", "untrusted", "expired", "misnamed"]
_CHUNK = 1 << 16
_NO_LINGER = struct.pack("ii", 1, 0)


class Certificates:
    """A CA that clients trust, and certificates that they must reject.

    Args:
        folder: Where the CA's file is written.

    Attributes:
        ca_file: The CA that clients trust.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        now, day = datetime.now(UTC), timedelta(days=1)
        self._leaves = {
            "good": authority.issue_cert("127.0.0.1"),
            "untrusted": trustme.CA().issue_cert("127.0.0.1"),
            "expired": authority.issue_cert("127.0.0.1", not_before=now - 9 * day, not_after=now - 2 * day),
            "misnamed": authority.issue_cert("other.example"),
        }

    def server_context(self, state: ProxyState) -> ssl.SSLContext:
        """Return the TLS context of a server in a state."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaves[state].configure_cert(context)
        return context


class TlsProxy:
    """Terminates TLS and forwards everything, TCP resets too.

    Args:
        upstream: The local Cognito's port.
        certificates: The certificates that it presents.

    Attributes:
        port: The port, which is the same in every state.
        url: The URL for clients.
    """

    def __init__(self, upstream: int, certificates: Certificates) -> None:
        # This socket never listens. It reserves the port for the state in which nothing listens there.
        self._reserved = _bind_port(0)
        self.port: int = self._reserved.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._upstream = upstream
        self._certificates = certificates
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.set_state("good")
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def set_state(self, state: ProxyState) -> None:
        """Change the state; open connections are closed."""
        self._run(self._set_state(state))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _set_state(self, state: ProxyState) -> None:
        await self._close()
        if state != "refused":
            self._server = await asyncio.start_server(
                self._on_connection, sock=_bind_port(self.port), ssl=self._certificates.server_context(state)
            )

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        for direction in (_forward(reader, far_writer), _forward(far_reader, writer)):
            task = self._loop.create_task(direction)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward one direction until either end closes, and close the other end in the same task."""
    try:
        while part := await reader.read(_CHUNK):
            writer.write(part)
            await writer.drain()
    except OSError:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        writer.transport.abort()
    finally:
        writer.close()


def _bind_port(port: int) -> socket.socket:
    bound = socket.socket()
    # On Windows the other option lets two sockets have one port.
    bound.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
    bound.bind(("127.0.0.1", port))
    return bound
