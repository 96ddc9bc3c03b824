"""Finds or installs Chromium, and lets it reach only this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from filelock import FileLock

from tests.support.temporary import shared_path

_HEADLESS_SHELL = "chromium-headless-shell"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page of JupyterLab is not used for as long as its optimizing compilers need to pay off.
    "--js-flags=--no-opt,--no-maglev",
    # Only this machine's names are resolved: a redirect to another machine fails immediately, as it should.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
]


def find_chromium() -> str | None:
    """Returns `CHROMIUM`, else the headless shell, else the system's Chromium, else one that it installs.

    The headless shell is Chromium without its windows, menus and services, which no test looks at: JupyterLab's page
    costs two thirds of the processor time in it. As root on Debian it is installed even where there is a Chromium.

    Returns:
        The path; None: Playwright finds its own.
    """
    # One process at a time: pytest-xdist runs several.
    with FileLock(shared_path("cognito_jupyter-chromium.lock")):
        found = _find(os.environ.get("CHROMIUM", ""), _HEADLESS_SHELL) or _install_from_debian(_HEADLESS_SHELL)
        found = found or _find("chromium", "chromium-browser", "google-chrome") or _install_from_debian("chromium")
        if found is None:
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True, capture_output=True)
        return found


def _find(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, filter(None, names))), None)


def _install_from_debian(package: str) -> str | None:
    """Installs a package as root; returns the path of its program, or None where that is not possible."""
    if not (sys.platform.startswith("linux") and os.getuid() == 0 and shutil.which("apt-get")):
        return None
    # The test of Firefox may install it at the same time.
    install = ["apt-get", "install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", package]
    if subprocess.run(install, check=False, capture_output=True).returncode:
        # The list of packages is missing, or older than the packages.
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        subprocess.run(install, check=False, capture_output=True)
    return shutil.which(package)
