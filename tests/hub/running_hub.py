"""A real JupyterHub with configurable-http-proxy and TLS, and what tests ask of it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psutil
import requests
import trustme
from playwright.sync_api import BrowserContext

from tests.support.polling import wait_until
from tests.support.ports import free_port

from .environments import Environments
from .processes import kill_all
from .users import Users

RELAY_PATH = "cognito-jupyter/callback"
_CONFIGURATION = Path(__file__).parent / "jupyterhub_config.py"
_START_TIMEOUT = 90.0


class RunningHub:
    """A hub that runs for the length of its `with` block; each of its users can have several servers.

    Args:
        folder: Where its files lie; every user must be able to read it.
        environments: Where its programs come from.
        users: Who can sign in to it.
        environment: The environment of all servers.
        environment_of_server: Further variables for named servers.
        base_url: The path in front of all its URLs, with a slash at both ends.
        hook: Whether its configuration has what this package offers for hubs.
        services: The URLs of web servers that it shows below `/services`, by their names there.

    Attributes:
        url: Its root.
        port: Its port.
        users: Who can sign in to it.
        ca_file: The certificate authority of its TLS certificate.
    """

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        folder: Path,
        *,
        environments: Environments,
        users: Users,
        environment: Mapping[str, str],
        environment_of_server: Mapping[str, Mapping[str, str]] | None = None,
        base_url: str = "/",
        port: int,
        hook: bool = True,
        services: Mapping[str, str] | None = None,
    ) -> None:
        self.users = users
        self.port = port
        self.url = f"https://127.0.0.1:{port}{base_url}"
        self.folder = folder
        folder.mkdir(mode=0o755, exist_ok=True)
        self._environments = environments
        write_kernel_spec(folder / "share", str(environments.kernel), {})
        self.ca_file = folder / "ca.pem"
        self._token = secrets.token_hex(16)
        self._settings = {
            "url": self.url,
            "hub_port": free_port(),
            "proxy_api_port": free_port(),
            "proxy_command": [str(shutil.which("node")), str(_proxy_script()), "--log-level", "debug"],
            "token": self._token,
            "users": [users.ada, users.grace],
            "linux_users": users.are_linux_users,
            "python": str(environments.hub),
            "environment": {
                **environment,
                "JUPYTER_PATH": str(folder / "share"),
                "LD_LIBRARY_PATH": str(environments.libraries),
            },
            "environment_of_server": environment_of_server or {},
            "hook": hook,
            "services": [{"name": name, "url": url} for name, url in (services or {}).items()],
            **self._write_certificate(),
        }

    def __enter__(self) -> Self:
        settings = self.folder / "settings.json"
        settings.touch(mode=0o600)
        settings.write_text(json.dumps(self._settings))
        command = [str(self._environments.hub), "-m", "jupyterhub", "--config", str(_CONFIGURATION)]
        environment = {**os.environ, "HUB_SETTINGS": str(settings)}
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self._is_ready, self.log, _START_TIMEOUT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Its servers and their kernels too: to end them in turn, as the hub does, takes most of a minute.
        hub = psutil.Process(self._process.pid)
        kill_all([*hub.children(recursive=True), hub])
        self._process.wait()

    @property
    def redirect_uri(self) -> str:
        """The one URL that this hub's administrator registers."""
        return redirect_uri_of(self.url)

    @property
    def _log_file(self) -> Path:
        return self.folder / "hub.log"

    def log(self) -> str:
        """Returns what the hub, its proxy and its servers have logged."""
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    # -- servers and kernels, by the hub's API

    def server_url(self, user: str, server: str = "") -> str:
        """Returns the root of a server; the empty name is the default server's."""
        return f"{self.url}user/{user}/{server}/" if server else f"{self.url}user/{user}/"

    def start_server(self, user: str, server: str = "") -> None:
        """Starts a server unless it runs, and waits until it does."""
        path = f"hub/api/users/{user}/servers/{server}" if server else f"hub/api/users/{user}/server"
        response = self.request("POST", path)
        if response.status_code == 400 and "already running" in response.text:
            return
        assert response.status_code in {201, 202}, self.log()
        wait_until(lambda: self.runs(user, server), self.log, _START_TIMEOUT)

    def stop_server(self, user: str, server: str = "") -> None:
        """Stops a server, and waits until it has ended."""
        path = f"hub/api/users/{user}/servers/{server}" if server else f"hub/api/users/{user}/server"
        self.request("DELETE", path)
        wait_until(lambda: not self.runs(user, server), self.log)

    def runs(self, user: str, server: str = "") -> bool:
        """Returns whether a server is ready."""
        servers: dict[str, dict[str, Any]] = self.request("GET", f"hub/api/users/{user}").json()["servers"]
        return bool(servers.get(server, {}).get("ready"))

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Sends a request to the hub, or to a server, as the administrator."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, self.url + path, headers=self.authorization, verify=str(self.ca_file), timeout=60, **options
            )

    @property
    def authorization(self) -> dict[str, str]:
        """The header that lets the administrator in."""
        return {"Authorization": f"token {self._token}"}

    # -- a browser

    def sign_in(self, browser: BrowserContext, user: str) -> None:
        """Signs a user in to the hub, by its form."""
        page = browser.new_page()
        page.goto(f"{self.url}hub/login")
        fill_login_form(page, user)
        page.close()

    # -- files

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log()
        try:
            return self.request("GET", "hub/api/").ok
        except requests.ConnectionError:
            return False

    def _write_certificate(self) -> dict[str, str]:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        key, chain = self.folder / "hub.key", self.folder / "hub.pem"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)
        chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
        return {"key": str(key), "certificate": str(chain)}


def write_kernel_spec(folder: Path, python: str, environment: Mapping[str, str]) -> None:
    """Writes the specification of the kernel "python3".

    Args:
        folder: The folder of JUPYTER_PATH.
        python: The kernel's Python.
        environment: The variables that the kernel gets.
    """
    spec = {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": dict(environment),
    }
    file = folder / "kernels" / "python3" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(spec))


def redirect_uri_of(url: str) -> str:
    """Returns the redirect URI of a hub with this root: it leads each user to a server of their own."""
    return f"{url}hub/user-redirect/{RELAY_PATH}"


def fill_login_form(page: Any, user: str) -> None:
    """Fills in the hub's own login form; its authenticator accepts any password."""
    page.fill("#username_input", user)
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_url(lambda url: "/hub/login" not in url)


def _proxy_script() -> Path:
    """Returns configurable-http-proxy, which `nox -s hub` has installed."""
    return Path(os.environ["HUB_NODE_FOLDER"]) / "node_modules" / ".bin" / "configurable-http-proxy"
