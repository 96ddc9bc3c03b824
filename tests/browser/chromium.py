"""The browser: found, or installed, and kept from reaching anything but this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name but this machine's is looked up: what a sign-in leads to elsewhere fails at once, as it should.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
]


def find_chromium() -> str | None:
    """`CHROMIUM`, else the system's, else one that is installed now: Debian's as root, Playwright's elsewhere.

    Returns:
        Its path; None: Playwright knows where its own is.
    """
    # One at a time: the tests may run side by side.
    with FileLock(Path(tempfile.gettempdir()) / "cognito_jupyter-chromium.lock"):
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
