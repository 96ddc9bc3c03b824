"""JupyterLab as a child process."""

from __future__ import annotations

import socket

from cognito_jupyter.demo.jupyterlab import _accepts_connections


def test_the_demos_url_is_not_reported_before_the_server_accepts_connections() -> None:
    """Jupyter Server writes its port to its file before it listens there, so a browser could be refused."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert not _accepts_connections(url)
        server.listen()
        assert _accepts_connections(url)
