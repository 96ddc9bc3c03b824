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

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.lab import Lab, clean_environment

from .gatekeeper import Gatekeeper
from .tunnel import Tunnel

_ROOT = Path(__file__).parents[3]
# As root; and for everybody else where the kernel lets users have namespaces.
_WAYS = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])


@dataclass(frozen=True)
class Remote:
    """A JupyterLab, and the browser that can reach it and Cognito and nothing else of it.

    Attributes:
        url: JupyterLab's root.
    """

    url: str
    token: str
    notebooks: Path
    browser: BrowserContext


def way_into_a_namespace() -> list[str] | None:
    """The command that runs another in a network namespace of its own; None where this machine does not let us."""
    for way in _WAYS:
        if shutil.which(way[0]) and subprocess.run([*way, "true"], check=False, capture_output=True).returncode == 0:
            return way
    return None


@contextlib.contextmanager
def in_a_namespace(way: list[str], folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[Remote]:
    """JupyterLab and its kernels in a network namespace of their own; Cognito and AWS on this side.

    Args:
        way: As `way_into_a_namespace` tells.
        folder: A short path: socket files lie in it.
        cognito: Where people sign in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    ports = [int(urlsplit(url).port or 0) for url in (cognito.domain, cognito.gate_url)]
    tunnels = [Tunnel(folder / str(port), ("127.0.0.1", port)) for port in ports]
    command = [*way, sys.executable, "-m", "tests.browser.fronts.far_side", str(folder), *map(str, ports)]
    environment = {**os.environ, **cognito.environment}
    with subprocess.Popen(
        command, env=environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as far_side:
        assert far_side.stdout is not None
        assert far_side.stdin is not None
        token = json.loads(far_side.stdout.readline())["token"]
        lab = Tunnel(("127.0.0.1", 0), folder / "lab")
        context = chromium.new_context()
        yield Remote(f"http://127.0.0.1:{lab.port}/", token, notebooks, context)
        context.close()
        far_side.stdin.close()
        far_side.wait(30)
        for tunnel in (*tunnels, lab):
            tunnel.close()


@contextlib.contextmanager
def behind_a_proxy(folder: Path, cognito: LocalCognito, chromium: Browser) -> Iterator[Remote]:
    """JupyterLab on this machine, and a browser that reaches it and Cognito through a proxy and nothing else.

    Args:
        folder: For files.
        cognito: Where people sign in.
        chromium: The browser.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    exposed = {"LabApp.expose_app_in_browser": "True"}
    with Lab(notebooks, clean_environment(folder / "settings", cognito.environment), exposed) as lab:
        gatekeeper = Gatekeeper([int(urlsplit(url).port or 0) for url in (lab.url, cognito.domain)])
        proxy = {"server": f"http://127.0.0.1:{gatekeeper.port}", "bypass": "<-loopback>"}
        context = chromium.new_context(proxy=proxy)  # type: ignore[arg-type]
        yield Remote(lab.url, lab.token, notebooks, context)
        context.close()
        gatekeeper.close()
