"""Adds the relay to a Jupyter server: the folder of the sockets, the server's own socket there, and the callback.

The folder's name goes into the environment of this process, which kernels inherit. Where there are no Unix sockets, or
no folder that only this user may enter, the callback shows `HANDOVER_PAGE` for each redirect, which needs none.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest
from tornado.web import OutputTransform

from ..oauth.redirect_uri import RELAY_PATH
from ..oauth.relay.sockets import (
    FOLDER_VARIABLE,
    MAX_SOCKET_PATH,
    SERVER_SOCKET,
    has_own_peer,
    is_own_socket,
    is_private_folder,
    socket_name,
)
from .handler import CallbackHandler
from .held_queries import HeldQueries
from .hub import HOOK_VARIABLE

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_PREFIX = "cognito-"
_STARTING_SECONDS = 60.0
"""A server that is younger may have made its socket and not listen yet."""
_VERSIONS_OF = (
    "cognito_jupyter",
    "jupyter_server",
    "jupyterlab",
    "notebook",
    "nbclassic",
    "voila",
    "jupyterlab_widgets",
    "anywidget",
    "jupyterhub",
)
"""The packages whose versions a kernel's doctor reports: kernels may have another environment."""
_MAX_HOSTS = 32
_MAX_HOST_LENGTH = 260


class ReachedHosts:
    """The hosts and ports by which requests have reached this server, the latest ones only.

    A kernel compares its redirect URI with them: they tell whether a browser that goes there arrives here, behind
    forwarded ports and proxies as well. They come from whoever can send a request, and are never sent anywhere.
    """

    def __init__(self) -> None:
        self._hosts: deque[str] = deque(maxlen=_MAX_HOSTS)

    def add(self, request: HTTPServerRequest) -> None:
        """Adds what a request names: its Host header, and the one that a proxy has received."""
        for header in ("Host", "X-Forwarded-Host"):
            host = request.headers.get(header, "").partition(",")[0].strip().lower()
            if host and len(host) <= _MAX_HOST_LENGTH and host not in self._hosts:
                self._hosts.append(host)

    def latest(self) -> list[str]:
        """Returns the hosts, the latest one last."""
        return list(self._hosts)


def add_relay(serverapp: ServerApp) -> None:
    """Adds the callback to a Jupyter server and, where the system allows it, the folder in which logins listen.

    Args:
        serverapp: The server, before it starts.
    """
    hosts = ReachedHosts()

    class NoteHost(OutputTransform):
        """Transforms nothing: tornado makes one for each request."""

        def __init__(self, request: HTTPServerRequest) -> None:
            super().__init__(request)
            hosts.add(request)

    folder = make_folder() if hasattr(socket, "AF_UNIX") else None
    web_app = serverapp.web_app
    web_app.add_transform(NoteHost)
    path = url_path_join(serverapp.base_url, RELAY_PATH)
    web_app.add_handlers(".*$", [(path, CallbackHandler, {"folder": folder, "held_queries": HeldQueries()})])  # type: ignore[no-untyped-call] # tornado's
    if folder is None:
        os.environ.pop(FOLDER_VARIABLE, None)  # that of a server in whose terminal this one was started
        serverapp.log.info("cognito_jupyter: sign-ins return to panels only; there is no folder for sockets.")
        return
    os.environ[FOLDER_VARIABLE] = folder
    report: dict[str, object] = {
        "paths": redirect_paths(path, os.environ),
        "hub": "JUPYTERHUB_SERVICE_PREFIX" in os.environ,
    }

    async def serve() -> None:
        report["versions"] = installed_versions()

        async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if has_own_peer(writer.get_extra_info("socket")):
                writer.write(json.dumps({**report, "hosts": hosts.latest()}).encode() + b"\n")
            writer.close()

        server = await asyncio.start_unix_server(respond, os.path.join(folder, SERVER_SOCKET))
        servers.append(server)  # so that it is not collected

    servers: list[asyncio.Server] = []
    serverapp.io_loop.add_callback(serve)
    serverapp.log.info("cognito_jupyter: sign-ins return to %s", path)


def redirect_paths(path: str, environment: Mapping[str, str]) -> list[str]:
    """Returns the paths of redirect URIs that lead to this server.

    JupyterHub's user-redirect sends each user to the user's default server; to a named one only with the hub's hook.

    Args:
        path: The path of the callback on this server.
        environment: Tells whether, and below which path, JupyterHub runs the server, and whether it has the hook.
    """
    is_named = bool(environment.get("JUPYTERHUB_SERVER_NAME"))
    if "JUPYTERHUB_SERVICE_PREFIX" not in environment or (is_named and HOOK_VARIABLE not in environment):
        return [path]
    hub = environment.get("JUPYTERHUB_BASE_URL", "/")
    return [path, *(url_path_join(hub, prefix, RELAY_PATH) for prefix in ("hub/user-redirect", "user-redirect"))]


def installed_versions() -> dict[str, str]:
    """Returns the versions of those packages of a Jupyter server, and of its front ends, that are installed here."""
    found = {}
    for name in _VERSIONS_OF:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def make_folder() -> str | None:
    """Makes a folder that only this user may enter and that is removed at the end; None where there can be none.

    Its path is short enough for a socket's, which the temporary folder of macOS allows only in /tmp.
    """
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp's mode is 0700
        if parent and len(os.fsencode(os.path.join(parent, f"{_PREFIX}12345678", socket_name("")))) <= MAX_SOCKET_PATH:
            try:
                _remove_abandoned_folders(parent)
                folder = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
            except OSError:
                continue
            atexit.register(_remove_folder, folder, os.getpid())
            if is_private_folder(folder):
                return folder
    return None


def _remove_abandoned_folders(parent: str) -> None:
    """Removes the folders of this user's killed servers: a socket has stayed there, and no process listens on it."""
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        path = os.path.join(folder, SERVER_SOCKET)
        if not (name.startswith(_PREFIX) and is_private_folder(folder) and is_own_socket(path)):
            continue
        try:
            if time.time() - os.lstat(path).st_mtime > _STARTING_SECONDS:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.settimeout(0.1)
                    probe.connect(path)
        except ConnectionRefusedError:
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # it has just been removed, or the server is busy


def _remove_folder(folder: str, owner_pid: int) -> None:
    if os.getpid() == owner_pid:
        shutil.rmtree(folder, ignore_errors=True)
