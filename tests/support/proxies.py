"""Proxies on this machine: they forward TCP connections, record what passes, or let a client reach only some ports."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

Address = tuple[str, int] | Path
"""A host and a port, or a socket file."""
_MAX_HEAD_BYTES = 65_536
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ForwardingProxy:
    """Forwards connections to an address, also between network namespaces; use it in a `with`, or close it.

    Args:
        target: Where to forward to.
        listen_at: Where to listen.

    Attributes:
        port: The port that it listens at; 0 for a socket file.
    """

    def __init__(self, target: Address, listen_at: Address = ("127.0.0.1", 0)) -> None:
        self._target = target
        self._listener = _listen(listen_at)
        self.port: int = 0 if isinstance(listen_at, Path) else self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening; open connections go on."""
        # Closing alone would not wake the thread that waits for the next connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Handles one connection, in its own thread."""
        self._forward(client, self._target)

    def _forward(self, client: socket.socket, target: Address, first: bytes = b"", reply: bytes = b"") -> None:
        """Connects to the target and copies bytes both ways until either end closes; hangs up if it cannot connect.

        Args:
            client: The connection.
            target: Where to connect.
            first: What the target gets first.
            reply: What the client gets first.
        """
        with client, suppress(OSError), _connect(target) as server:
            client.sendall(reply)
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            if first:
                self._record(first)
                server.sendall(first)
            self._copy(client, server)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                self._record(chunk)
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _record(self, chunk: bytes) -> None:
        """Does nothing; a subclass may note what passes."""


class RecordingProxy(ForwardingProxy):
    """Forwards TCP connections, and records all bytes.

    Args:
        host: The host to forward to.
        port: Its port.

    Attributes:
        recorded: All bytes, in both directions.
    """

    def __init__(self, host: str, port: int) -> None:
        self.recorded = bytearray()
        super().__init__((host, port))

    def _record(self, chunk: bytes) -> None:
        self.recorded += chunk


class HttpProxy(ForwardingProxy):
    """An HTTP proxy (RFC 9110, section 7.6), which records the URLs that clients request.

    Args:
        allowed_ports: The only ports of this machine that clients may reach; None: any port of any machine.
        connect_to: Where every CONNECT leads, whatever host it names; None: to that host.

    Attributes:
        url: Its URL, for HTTP_PROXY.
        requested: The URLs that were requested, or host and port of a CONNECT.
    """

    def __init__(self, allowed_ports: Collection[int] | None = None, *, connect_to: Address | None = None) -> None:
        self._allowed_ports = allowed_ports
        self._connect_to = connect_to
        self.requested: list[str] = []
        super().__init__(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.port}"

    def _serve(self, client: socket.socket) -> None:
        head, _, body = _read_head(client).partition(b"\r\n\r\n")
        request_line, *fields = head.split(b"\r\n")
        try:
            method, target, version = request_line.decode("latin-1").split(" ")
        except ValueError:
            client.close()
            return
        self.requested.append(target)
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = str(url.hostname), url.port or 80
        if self._allowed_ports is not None and (host not in _LOOPBACK or port not in self._allowed_ports):
            client.close()
        elif method == "CONNECT":
            target_address = self._connect_to or (host, port)
            self._forward(client, target_address, first=body, reply=b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = url._replace(scheme="", netloc="", path=url.path or "/").geturl()
            # One request for each connection, since the next one may be for another server.
            lines = [f"{method} {path} {version}".encode(), b"Connection: close"]
            lines += [field for field in fields if not field.lower().startswith((b"proxy-", b"connection:"))]
            self._forward(client, (host, port), first=b"\r\n".join(lines) + b"\r\n\r\n" + body)


class SocksProxy(ForwardingProxy):
    """A SOCKS proxy (RFC 1928) without authentication, which resolves the names of hosts itself: socks5h.

    Args:
        connect_to: Where every request leads, whatever host it names.

    Attributes:
        url: Its URL, for HTTPS_PROXY.
        requested: Host and port of each request.
    """

    def __init__(self, connect_to: Address) -> None:
        self.requested: list[str] = []
        super().__init__(connect_to)
        self.url = f"socks5h://127.0.0.1:{self.port}"

    def _serve(self, client: socket.socket) -> None:
        with client.makefile("rb", buffering=0) as stream, suppress(IndexError):
            stream.read(stream.read(2)[1])  # version 5, and the ways to authenticate that the client has
            client.sendall(b"\x05\x00")
            if stream.read(4) == b"\x05\x01\x00\x03":  # connect to a host by its name
                host = stream.read(stream.read(1)[0]).decode("ascii")
                self.requested.append(f"{host}:{int.from_bytes(stream.read(2))}")
                self._forward(client, self._target, reply=b"\x05\x00\x00\x01" + bytes(6))
        client.close()


def _read_head(client: socket.socket) -> bytes:
    head = b""
    with suppress(OSError):
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD_BYTES:
            chunk = client.recv(4096)
            if not chunk:
                break
            head += chunk
    return head


def _listen(address: Address) -> socket.socket:
    if not isinstance(address, Path):
        return socket.create_server(address, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(128)
    return listener


def _connect(address: Address) -> socket.socket:
    if not isinstance(address, Path):
        return socket.create_connection(address)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(address))
    return connection
