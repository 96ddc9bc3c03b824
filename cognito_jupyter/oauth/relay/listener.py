"""The kernel's half of the relay: finds the server's relay, and listens for one login's redirect on a Unix socket.

`Login` makes a `RelayListener` in place of the callback server where a redirect URI leads to the relay. It hands every
well-formed authorization response to `on_response`, which decides what it means, and returns that to the server, which
shows the page. It never compares the state, never exchanges a code and logs nothing.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from ..._util.redaction import SecretBytes, SecretText
from ..._util.threads.waiting import join_in_slices
from ...errors import ListenerError
from ..authorization_response import AuthorizationResponse, CallbackOutcome, parse_query
from ..redirect_uri import RedirectUri
from .sockets import (
    FOLDER_VARIABLE,
    MAX_SOCKET_PATH,
    SERVER_SOCKET,
    has_own_peer,
    is_own_socket,
    is_private_folder,
    read_line,
    socket_name,
)

_SERVER_TIMEOUT = 2.0
"""Seconds that the server gets to report; it is on this machine, and only its event loop may be busy."""
_CONNECTION_TIMEOUT = 2.0
"""Seconds that a connection may stay silent."""


@dataclass(frozen=True)
class Relay:
    """The relay of the Jupyter server that started this kernel.

    Attributes:
        folder: Where logins listen.
        paths: The paths of redirect URIs that lead to it, on the hosts below.
        hosts: The hosts, with their ports, at which browsers have reached the server.
        hub: Whether JupyterHub runs the server. The redirect URI may then name a parent domain of such a host, because
            a hub may give each user a domain; and no browser runs on the kernel's machine.
        versions: The versions of packages in the server's environment, by their names.
    """

    folder: str
    paths: frozenset[str]
    hosts: frozenset[str]
    hub: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> Self | None:
        """Returns the relay of the server that started this process, if it is there and lives; None otherwise.

        Args:
            environment: Holds the folder's name.
        """
        folder = environment.get(FOLDER_VARIABLE, "")
        path = os.path.join(folder, SERVER_SOCKET)
        if not (hasattr(socket, "AF_UNIX") and is_private_folder(folder) and is_own_socket(path)):
            return None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_SERVER_TIMEOUT)
                connection.connect(path)
                report = json.loads(read_line(connection)) if has_own_peer(connection) else {}
            versions = {str(name): str(found) for name, found in dict(report.get("versions") or {}).items()}
            paths, hosts = frozenset(report["paths"]), frozenset(report["hosts"])
            return cls(folder, paths, hosts, report.get("hub") is True, versions)
        except TimeoutError:
            # It lives, and its event loop is busy: a redirect may arrive, but it is not known whether it does.
            return cls(folder, frozenset(), frozenset(), "JUPYTERHUB_SERVICE_PREFIX" in environment)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def receives(self, uri: RedirectUri) -> bool:
        """Returns whether a browser that is sent to a redirect URI is known to arrive here."""
        return uri.path in self.paths and any(self._names(host, uri) for host in self.hosts)

    def _names(self, reached: str, uri: RedirectUri) -> bool:
        try:
            parts = urlsplit(f"//{reached}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        # A proxy in front of the server may speak TLS: a Host header without a port is either scheme's default one.
        same_port = uri.port in {80, 443} if port is None else port == uri.port
        return same_port and (host == uri.host or (self.hub and host.endswith(f".{uri.host}")))


class RelayListener:
    """Listens on the Unix socket of one login, in a thread of its own.

    Args:
        folder: The relay's folder.
        state: The login's state.
        on_response: Decides about every well-formed response; called from the thread.

    Attributes:
        stop: Stops listening without waiting for anything, from any thread; `server_close` waits for the thread, too.

    Raises:
        ListenerError: The socket cannot be made (a ConnectionError).
    """

    def __init__(
        self, folder: str, state: str, on_response: Callable[[AuthorizationResponse], CallbackOutcome]
    ) -> None:
        self._on_response = on_response
        self._path = os.path.join(folder, socket_name(state))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if not is_private_folder(folder) or len(os.fsencode(self._path)) > MAX_SOCKET_PATH:
                raise OSError("the folder has changed, or its path is too long")
            self._socket.bind(self._path)
            os.chmod(self._path, 0o600)
            self._socket.listen()
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise ListenerError(
                f"This kernel cannot receive the sign-in from its Jupyter server: {error.strerror or error}.",
                "Paste the address that the browser shows after the sign-in.",
            ) from None
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._closed = threading.Event()
        self._owner_pid = os.getpid()
        self._thread: threading.Thread | None = None
        sockets = (self._socket, self._wake_reader, self._wake_writer)
        self._started = threading.Event()
        self.stop = functools.partial(_stop, self._closed, self._started, sockets, self._path, self._owner_pid)
        # A listener that is dropped without being closed stops, too.
        weakref.finalize(self, self.stop).atexit = True

    def start(self) -> None:
        """Listens in a daemon thread until `server_close`."""
        self._started.set()
        self._thread = threading.Thread(
            target=_serve,
            args=(self._on_response, self._closed, self._socket, self._wake_reader, self._wake_writer),
            name="cognito-relay-listener",
            daemon=True,
        )
        self._thread.start()

    def server_close(self) -> None:
        """Removes the socket and ends the thread, which finishes what it has received; as `OAuthCallbackServer` does.

        A second call does nothing.
        """
        self.stop()
        ours = os.getpid() == self._owner_pid
        if ours and self._thread is not None and self._thread is not threading.current_thread():
            join_in_slices(self._thread)


def _serve(
    on_response: Callable[[AuthorizationResponse], CallbackOutcome],
    closed: threading.Event,
    listener: socket.socket,
    wake_reader: socket.socket,
    wake_writer: socket.socket,
) -> None:
    """Serves one connection after another until the listener is closed."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wake_reader, selectors.EVENT_READ)
        while not closed.is_set():
            selector.select()
            if closed.is_set():
                break
            try:
                connection, _ = listener.accept()
            except OSError:
                # The server has closed the connection, or this process has no free file descriptor: keep listening.
                time.sleep(0.001)
                continue
            # OSError: the server's end is gone. The response was handled before its outcome was sent.
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_CONNECTION_TIMEOUT)
                if has_own_peer(connection):
                    connection.sendall(_outcome(read_line(connection), on_response))
    for opened in (listener, wake_reader, wake_writer):
        opened.close()


def _outcome(line: bytes, on_response: Callable[[AuthorizationResponse], CallbackOutcome]) -> bytes:
    """Returns the line that tells the server what a query has meant to the login."""
    line = SecretBytes(line)
    response = parse_query(SecretText(line.decode(errors="replace")))
    outcome = on_response(response) if response is not None and response.state else CallbackOutcome.STATE_MISMATCH
    return f"{outcome.value}\n".encode()


def _stop(
    closed: threading.Event,
    started: threading.Event,
    sockets: tuple[socket.socket, socket.socket, socket.socket],
    path: str,
    owner_pid: int,
) -> None:
    """Removes the socket and wakes the thread; takes no lock, since a garbage collection may call it anywhere."""
    if os.getpid() != owner_pid:
        # A forked child has copies of the sockets, and no thread: the path, and a byte from here, are the parent's.
        return
    if closed.is_set():
        return
    closed.set()
    with contextlib.suppress(OSError):  # the server has ended, and removed its folder
        os.unlink(path)
    if started.is_set():
        with contextlib.suppress(OSError):  # the thread may have ended by itself, and closed them
            sockets[-1].send(b"x")
        return
    for opened in sockets:
        opened.close()
