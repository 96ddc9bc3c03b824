"""JupyterLab as a child process."""

from __future__ import annotations

import socket

from cognito_jupyter.local.lab import _listens


def test_the_demos_address_is_not_told_before_it_answers() -> None:
    """Jupyter Server names its port before it listens there: the browser was refused now and then."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert not _listens(url)
        server.listen()
        assert _listens(url)
