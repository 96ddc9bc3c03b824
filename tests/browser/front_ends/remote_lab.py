"""A JupyterLab whose kernels the browser cannot reach: in its own network namespace, or behind a proxy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext

from cognito_jupyter.demo.jupyterlab import JupyterLab, clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.kernel_sockets import socket_options
from tests.support.proxies import ForwardingProxy, HttpProxy

_ROOT = Path(__file__).parents[3]
# As root; and as another user where the system allows user namespaces.
_UNSHARE_COMMANDS = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])


@dataclass(frozen=True)
class RemoteLab:
    """A JupyterLab, and a browser that can reach it and Cognito, but not its kernels' listeners.

    Attributes:
        url: JupyterLab's root.
        token: JupyterLab's token.
        notebooks: The folder that it shows.
        browser: The browser.
    """

    url: str
    token: str
    notebooks: Path
    browser: BrowserContext


def unshare_command() -> list[str] | None:
    """Returns the command that runs another one in a new network namespace; None: this machine does not allow it."""
    for command in _UNSHARE_COMMANDS:
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
        ):
            return command
    return None


@contextlib.contextmanager
def lab_in_namespace(unshare: list[str], folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """Runs JupyterLab and its kernels in their own network namespace, and Cognito and AWS outside.

    Args:
        unshare: What `unshare_command` returns.
        folder: A short path, because it holds socket files.
        cognito: Where the user signs in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    ports = [int(urlsplit(url).port or 0) for url in (cognito.domain, cognito.aws_url)]
    tunnels = [ForwardingProxy(("127.0.0.1", port), folder / str(port)) for port in ports]
    command = [*unshare, sys.executable, "-m", "tests.browser.front_ends.remote_host", str(folder), *map(str, ports)]
    environment = {**os.environ, **cognito.environment}
    with subprocess.Popen(
        command, env=environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as remote_host:
        assert remote_host.stdout is not None
        assert remote_host.stdin is not None
        token = json.loads(remote_host.stdout.readline())["token"]
        lab = ForwardingProxy(folder / "lab")
        context = chromium.new_context()
        yield RemoteLab(f"http://127.0.0.1:{lab.port}/", token, notebooks, context)
        context.close()
        remote_host.stdin.close()
        remote_host.wait(30)
        for tunnel in (*tunnels, lab):
            tunnel.close()


@contextlib.contextmanager
def lab_behind_proxy(folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """Runs JupyterLab on this machine, and a browser that reaches only it and Cognito, through a proxy.

    Args:
        folder: Where notebooks and settings lie.
        cognito: Where the user signs in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    environment = clean_environment(folder / "settings", cognito.environment)
    options = {"LabApp.expose_app_in_browser": "True", **socket_options(environment)}
    with JupyterLab(notebooks, environment, options) as lab:
        ports = [int(urlsplit(url).port or 0) for url in (lab.url, cognito.domain)]
        with HttpProxy(allowed_ports=ports) as http_proxy:
            proxy = {"server": http_proxy.url, "bypass": "<-loopback>"}
            context = chromium.new_context(proxy=proxy)  # type: ignore[arg-type]
            yield RemoteLab(lab.url, lab.token, notebooks, context)
            context.close()
