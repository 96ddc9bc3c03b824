"""JupyterLab as a child process: on loopback, at a free port, with a token of its own and none of the user's settings.

The demo and the browser tests start it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from .._util.folders.private import FOLDER_VARIABLE
from ..local.child_process import ChildProcess, supervised_command

_READY_TIMEOUT = 60.0
_SETTINGS_FOLDERS = (
    "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", FOLDER_VARIABLE,
)  # fmt: skip
_REMOVED_VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL",
    "COGNITO_PROFILE", "JUPYTER_CONFIG_PATH",
)  # fmt: skip
"""Set for the user's other work, these would change what the demo shows."""
_NOTIFICATION_SETTINGS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
"""JupyterLab's question about news would cover the notebook, and contacts the internet."""


def clean_environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Returns this process's environment with empty settings folders for Jupyter, IPython and this package.

    Args:
        folder: Where those folders are made.
        extra: Variables to add.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _REMOVED_VARIABLES}
    for name in _SETTINGS_FOLDERS:
        path = folder / name.lower()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment[name] = str(path)
    return environment | dict(extra)


class JupyterLab:
    """A JupyterLab that runs for the length of its `with` block.

    Args:
        notebooks: The folder that it shows.
        environment: Its environment, from `clean_environment`.
        options: Further Jupyter settings, such as `LabApp.expose_app_in_browser`.

    Attributes:
        url: Its URL, without the token.
        token: The token that lets a browser in.
    """

    def __init__(
        self, notebooks: Path, environment: Mapping[str, str], options: Mapping[str, str] | None = None
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self.url = ""
        # In the environment, since every user of the machine can read a process's arguments.
        self._environment = {**environment, "JUPYTER_TOKEN": self.token}
        self._runtime = Path(environment["JUPYTER_RUNTIME_DIR"])
        self._notebooks = notebooks
        self._options = dict(options or {})

    def __enter__(self) -> Self:
        settings = Path(self._environment["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", "apputils-extension")
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(_NOTIFICATION_SETTINGS))
        self._child = ChildProcess(self._jupyterlab_command(), environment=self._environment, folder=self._notebooks)
        try:
            self.url = self._wait_until_ready()
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._child.stop()

    def notebook_url(self, notebook: str) -> str:
        """Returns the URL that opens a notebook, with the token."""
        return f"{self.url}lab/tree/{notebook}?token={self.token}"

    @property
    def is_running(self) -> bool:
        """Whether it still runs; the user can shut it down from its menu."""
        return self._child.process.poll() is None

    def _jupyterlab_command(self) -> list[str]:
        # Containers run as root, as which Jupyter needs this option.
        root = ["--allow-root"] if sys.platform != "win32" and os.getuid() == 0 else []
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": "0",
            "ServerApp.root_dir": str(self._notebooks),
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            **self._options,
        }
        return supervised_command(
            "jupyterlab", "--no-browser", *root, *(f"--{name}={value}" for name, value in options.items())
        )

    def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + _READY_TIMEOUT
        while time.monotonic() < deadline:
            if not self.is_running:
                raise RuntimeError("JupyterLab ended at once. Run `jupyter lab` by hand to see why.")
            for file in self._runtime.glob("jpserver-*.json"):
                url = _read_server_url(file)
                if url and _accepts_connections(url):
                    return url
            time.sleep(0.05)
        raise RuntimeError(f"JupyterLab did not respond within {_READY_TIMEOUT:.0f} s.")


def _accepts_connections(url: str) -> bool:
    """Returns whether a server listens: Jupyter Server writes its file a moment before it binds its port."""
    address = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((str(address.hostname), int(address.port or 0))) == 0


def _read_server_url(file: Path) -> str | None:
    """Reads the URL in a Jupyter server's file; None while the file is incomplete."""
    try:
        information = json.loads(file.read_text())
    except ValueError:
        return None
    return f"http://127.0.0.1:{information['port']}{information['base_url']}" if information.get("port") else None
