"""The Jupyter server of a front end, in an environment of its own; its kernels are in others."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cognito_jupyter.local import child_process
from cognito_jupyter.local.child_process import ChildProcess
from tests.support.kernel_sockets import socket_options
from tests.support.ports import free_port

from .environments import Environment, make_environment

_READY_TIMEOUT = 60.0
_EXPOSED = ("LabApp", "JupyterNotebookApp")
"""Their pages tell whether they are connected to the kernel, and run commands."""
_NOTIFICATION_SETTINGS = {"fetchNews": "false", "checkForUpdates": False}
"""JupyterLab's question about news would cover the notebook."""


def write_kernel_spec(data_folder: Path, name: str, environment: Environment) -> None:
    """Writes a kernel spec whose kernel runs in another environment.

    Args:
        data_folder: The server's folder `JUPYTER_DATA_DIR`.
        name: The kernel's name.
        environment: The kernel's environment, which is made if it is not there.
    """
    python = make_environment(environment)
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
    }
    folder = data_folder / "kernels" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


class JupyterServer:
    """A server that runs for the length of its `with` block.

    Args:
        python: The Python of its environment.
        module: What is run there: `jupyterlab`, `notebook`, `nbclassic`, `jupyter_server`.
        notebooks: The folder that it shows.
        environment: Its environment variables, from `clean_environment`.

    Attributes:
        url: Its URL, without the token.
        token: The token that lets a browser in.
    """

    def __init__(self, python: Path, module: str, notebooks: Path, environment: Mapping[str, str]) -> None:
        self.url = ""
        self.token = secrets.token_urlsafe(32)
        self._environment = {**environment, "JUPYTER_TOKEN": self.token}
        self._notebooks = notebooks
        self._port = free_port()
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": str(self._port),
            "ServerApp.root_dir": str(notebooks),
            "ServerApp.allow_root": "True",
            "ServerApp.open_browser": "False",
            **{f"{name}.expose_app_in_browser": "True" for name in _EXPOSED},
            **socket_options(environment),
        }
        # By its file, because the server's environment has not got this package; -P: its folder is no place to
        # import from.
        supervisor = [str(python), "-P", str(Path(child_process.__file__).resolve()), module]
        self._command = [*supervisor, *(f"--{name}={value}" for name, value in options.items())]

    def __enter__(self) -> Self:
        settings = Path(self._environment["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", "apputils-extension")
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(_NOTIFICATION_SETTINGS))
        self._child = ChildProcess(
            self._command, environment=self._environment, folder=self._notebooks, output=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _READY_TIMEOUT
        while time.monotonic() < deadline and self._child.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    self.url = f"http://127.0.0.1:{self._port}/"
                    return self
            time.sleep(0.05)
        self._child.stop()
        raise RuntimeError(f"{' '.join(self._command)} did not respond. Python: {sys.executable}")

    def __exit__(self, *error: object) -> None:
        self._child.stop()
