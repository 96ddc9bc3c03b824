"""A TCP proxy on loopback that delays what it forwards, as a network path to a distant server does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self

_CHUNK = 1 << 16


class LatencyProxy:
    """Adds a round-trip time between clients and one port of 127.0.0.1.

    Bytes arrive half a round trip late in either direction, however many are in transit; the first ones of a
    connection wait one more round trip, as for TCP's own handshake. Connections stay open as long as both ends leave
    them open.

    Args:
        upstream: The server's port.
        round_trip: The round-trip time in seconds.

    Attributes:
        port: The port for clients.
        connections: How many connections were opened so far.
    """

    def __init__(self, upstream: int, round_trip: float) -> None:
        self.connections = 0
        self._upstream = upstream
        self._round_trip = round_trip
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept_connection, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="latency-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        handshake_done = self._loop.time() + self._round_trip
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        self._start_task(self._forward(reader, upstream_writer, handshake_done))
        self._start_task(self._forward(upstream_reader, writer, 0.0))

    def _start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float) -> None:
        """Forwards one direction: each part that is read is queued at once with the time of its arrival."""
        pending: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._start_task(self._deliver(pending, writer))
        part = b"..."
        while part:
            try:
                part = await reader.read(_CHUNK)
            except OSError:
                part = b""
            sent_at = max(self._loop.time(), not_before)
            pending.put_nowait((sent_at + self._round_trip / 2, part))

    async def _deliver(self, pending: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                due, part = await pending.get()
                await asyncio.sleep(due - self._loop.time())
                if not part:
                    return
                writer.write(part)
                await writer.drain()
        except OSError:
            # The other end has closed the connection.
            return
        finally:
            writer.close()
