"""JupyterLab as a child process."""

from __future__ import annotations

import socket

from cognito_jupyter.demo.jupyterlab import _accepts_connections


def test_the_demos_url_is_not_reported_before_the_server_accepts_connections() -> None:
    """Jupyter Server names its port before it listens there: the browser was refused now and then."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert not _accepts_connections(url)
        server.listen()
        assert _accepts_connections(url)
