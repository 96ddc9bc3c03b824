"""Finds or installs Chromium, and lets it reach only this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from filelock import FileLock

from tests.support.temporary import shared_path

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Only this machine's names are resolved: a redirect to another machine fails immediately, as it should.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
]


def find_chromium() -> str | None:
    """Returns `CHROMIUM`, else the system's Chromium, else one that it installs.

    As root on Debian it installs Debian's, otherwise Playwright's.

    Returns:
        The path; None: Playwright finds its own.
    """
    # One process at a time: pytest-xdist runs several.
    with FileLock(shared_path("cognito_jupyter-chromium.lock")):
        return _installed() or _install()


def _installed() -> str | None:
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and shutil.which(name):
            return shutil.which(name)
    return None


def _install() -> str | None:
    if sys.platform.startswith("linux") and os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=True, capture_output=True)
        return shutil.which("chromium")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True, capture_output=True)
    return None
