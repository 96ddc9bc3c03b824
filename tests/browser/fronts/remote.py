"""A JupyterLab whose kernels the browser cannot reach: in a network namespace of its own, else behind a proxy."""

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

from .gatekeeper import AllowlistProxy
from .tunnel import ForwardingProxy

_ROOT = Path(__file__).parents[3]
# As root; and for everybody else where the kernel lets users have namespaces.
_UNSHARE_COMMANDS = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])


@dataclass(frozen=True)
class RemoteLab:
    """A JupyterLab, and the browser that can reach it and Cognito and nothing else of it.

    Attributes:
        url: JupyterLab's root.
    """

    url: str
    token: str
    notebooks: Path
    browser: BrowserContext


def unshare_command() -> list[str] | None:
    """The command that runs another in a network namespace of its own; None where this machine does not let us."""
    for command in _UNSHARE_COMMANDS:
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
        ):
            return command
    return None


@contextlib.contextmanager
def lab_in_namespace(unshare: list[str], folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """JupyterLab and its kernels in a network namespace of their own; Cognito and AWS on this side.

    Args:
        unshare: As `way_into_a_namespace` tells.
        folder: A short path: socket files lie in it.
        cognito: Where people sign in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    ports = [int(urlsplit(url).port or 0) for url in (cognito.domain, cognito.aws_url)]
    tunnels = [ForwardingProxy(folder / str(port), ("127.0.0.1", port)) for port in ports]
    command = [*unshare, sys.executable, "-m", "tests.browser.fronts.far_side", str(folder), *map(str, ports)]
    environment = {**os.environ, **cognito.environment}
    with subprocess.Popen(
        command, env=environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as remote_host:
        assert remote_host.stdout is not None
        assert remote_host.stdin is not None
        token = json.loads(remote_host.stdout.readline())["token"]
        lab = ForwardingProxy(("127.0.0.1", 0), folder / "lab")
        context = chromium.new_context()
        yield RemoteLab(f"http://127.0.0.1:{lab.port}/", token, notebooks, context)
        context.close()
        remote_host.stdin.close()
        remote_host.wait(30)
        for tunnel in (*tunnels, lab):
            tunnel.close()


@contextlib.contextmanager
def lab_behind_proxy(folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[RemoteLab]:
    """JupyterLab on this machine, and a browser that reaches it and Cognito through a proxy and nothing else.

    Args:
        folder: For files.
        cognito: Where people sign in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    exposed = {"LabApp.expose_app_in_browser": "True"}
    with JupyterLab(notebooks, clean_environment(folder / "settings", cognito.environment), exposed) as lab:
        allowlist = AllowlistProxy([int(urlsplit(url).port or 0) for url in (lab.url, cognito.domain)])
        proxy = {"server": f"http://127.0.0.1:{allowlist.port}", "bypass": "<-loopback>"}
        context = chromium.new_context(proxy=proxy)  # type: ignore[arg-type]
        yield RemoteLab(lab.url, lab.token, notebooks, context)
        context.close()
        allowlist.close()
