"""What a Jupyter server's relay tells its kernels, without the server."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from cognito_jupyter.oauth.relay.sockets import SERVER_SOCKET

WAITS_FOR_SERVER = "from cognito_jupyter.oauth.relay import listener; listener._SERVER_TIMEOUT = 60.0"
"""For kernels: on a busy machine the report may come too late, and then it is not known where a browser arrives."""


@contextlib.contextmanager
def jupyter_server_reached_at(host: str, path: str, versions: Mapping[str, str] | None = None) -> Iterator[str]:
    """Responds to kernels as the Jupyter server's relay does; gives the folder."""
    report = {"paths": [path], "hosts": [host], "hub": True} | ({"versions": dict(versions)} if versions else {})
    folder = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / SERVER_SOCKET))
        listener.listen()
        ended = threading.Event()

        def respond() -> None:
            while True:
                with listener.accept()[0] as connection, contextlib.suppress(OSError):  # a client that has gone
                    if ended.is_set():
                        return
                    connection.sendall(json.dumps(report).encode() + b"\n")

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        yield str(folder)
        # macOS does not shut down a socket that listens, so that a last connection ends the thread.
        ended.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(folder / SERVER_SOCKET))
            thread.join()
    shutil.rmtree(folder)
