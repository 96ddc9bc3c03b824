"""A real Jupyter server with the relay, in a process of its own, and requests as a browser sends them."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from jupyter_core.paths import jupyter_config_path

from cognito_jupyter._util.closing import Closeable
from cognito_jupyter.oauth.redirect_uri import RELAY_PATH
from cognito_jupyter.oauth.relay.sockets import FOLDER_VARIABLE

from .polling import TEST_TIMEOUT, wait_until
from .ports import free_port
from .zygote import ForkedProcess, Zygote

SWITCH = "jupyter_server_config.d/cognito_jupyter.json"
"""What `pip install` puts into a folder of configuration that Jupyter servers read."""
TOKEN = "the-token-of-this-jupyter-server"
_OTHER_EXTENSIONS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals")
"""They take longer to start than the rest of the server."""
_PROGRAM = "jupyter_server.serverapp"
NAVIGATION = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
"""What a browser sends when a user opens a page from another site."""


def require_installed_extension() -> None:
    """Fails where this environment's installation does not switch the relay on, as one made before the relay.

    A Jupyter server then starts without it, and says nothing of it.
    """
    switches = [Path(folder) / SWITCH for folder in jupyter_config_path()]
    assert any(map(Path.is_file, switches)), (
        f"No {SWITCH} is in {', '.join(jupyter_config_path())}: run pip install -e '.[test]' again."
    )


class JupyterServer(Closeable):
    """A Jupyter server that runs until it is closed.

    Args:
        arguments: Further arguments of its command line.
        environment: Variables in addition to this process's.
        python: The interpreter of the server's environment.
        zygote: What forks the server, where that makes no difference; None: it has an interpreter of its own.

    Attributes:
        port: Its port on loopback.
        runtime: The folder in which it makes the relay's folder; short, as a socket's path must be.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        zygote: Zygote | None = None,
    ) -> None:
        if python == sys.executable:
            require_installed_extension()
        self.port = free_port()
        self.runtime = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
        self._log = (self.runtime / "log").open("wb")
        options = [
            *("--allow-root", "--no-browser", f"--ServerApp.port={self.port}"),
            *(
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={TOKEN}",
                f"--ServerApp.root_dir={self.runtime}",
            ),
            *(f"--ServerApp.jpserver_extensions={name}=False" for name in _OTHER_EXTENSIONS),
            *arguments,
        ]
        variables = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_CONFIG_DIR": str(self.runtime / "config"),
            "JUPYTER_DATA_DIR": str(self.runtime / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime / "jupyter"),
            **(environment or {}),
        }
        self.process = self._start(python, options, variables, zygote)

    def _start(
        self, python: str, options: Sequence[str], variables: Mapping[str, str], zygote: Zygote | None
    ) -> subprocess.Popen[bytes] | ForkedProcess:
        with open(os.devnull, "rb") as nothing:
            log = self._log.fileno()
            if zygote is None or python != sys.executable or not zygote.can_start(variables):
                command = [python, "-m", "jupyter_server", *options]
                return subprocess.Popen(command, env=variables, stdin=nothing, stdout=log, stderr=log)
            arguments = ["jupyter_server", *options]
            return zygote.start(f"{_PROGRAM}:main", arguments, variables, streams=(nothing.fileno(), log, log))

    def wait(self) -> Self:
        """Waits until it serves."""
        wait_until(lambda: self.process.poll() is not None or self._serves(), self.log)
        assert self.process.poll() is None, self.log()
        return self

    def _serves(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("/", {})[0] > 0 and any(self.runtime.glob("cognito-*/server"))
        return False

    @property
    def folder(self) -> Path:
        """The relay's folder."""
        (folder,) = self.runtime.glob("cognito-*")
        return folder

    @property
    def kernel_environment(self) -> dict[str, str]:
        """What its kernels inherit of the relay."""
        return {FOLDER_VARIABLE: str(self.folder)}

    def log(self) -> str:
        """Returns what it has logged."""
        return (self.runtime / "log").read_text(errors="replace")

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", host: str | None = None
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """Sends a request and returns status, headers and body.

        Args:
            path: The path with its query.
            headers: The headers; None: those of a signed-in user who opens a page.
            method: The method.
            host: The Host header; None: the address of the server.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            signed_in = {"Authorization": f"token {TOKEN}", **NAVIGATION}
            named = {"Host": host or f"localhost:{self.port}"}
            connection.request(method, path, headers={**named, **(signed_in if headers is None else headers)})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()

    def callback(self, query: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
        """Opens the callback at the base URL "/" and returns status and body.

        Args:
            query: The query.
            headers: As for `get`.
            method: The method.
        """
        status, _, body = self.get(f"{RELAY_PATH}?{query}", headers, method=method)
        return status, body

    def close(self) -> None:
        """Ends the server and removes its files."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(TEST_TIMEOUT)
        self._log.close()
        shutil.rmtree(self.runtime, ignore_errors=True)


class StartServer(Protocol):
    """Starts a Jupyter server."""

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> JupyterServer: ...


@contextlib.contextmanager
def forked_servers() -> Iterator[StartServer]:
    """Yields what starts Jupyter servers, forked where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield JupyterServer
        return
    zygote = Zygote("servers")
    yield partial(JupyterServer, zygote=zygote)
    zygote.close()
