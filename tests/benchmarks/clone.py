"""From `git clone` to the first read from S3 in the demo, by the line of the README, without any package in a cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .table import Figure, Group, Reach

_ROOT = Path(__file__).parents[2]
_LIMIT = 120.0
"""Seconds."""
_FIRST_READ = re.compile(r"the first read of S3 after (\d+) s")


def measure_clone() -> Group:
    """Measures it once: it downloads 200 MB."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        environment = {**os.environ, "UV_CACHE_DIR": str(folder / "uv"), "PIP_NO_CACHE_DIR": "1"}
        # Other names of this environment, such as nox's own, would lead uv into it.
        names = {"VIRTUAL_ENV", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"}
        environment = {key: value for key, value in environment.items() if key not in names}
        clone = folder / "clone"
        cloned = _time(["git", "clone", "--quiet", "--no-hardlinks", str(_ROOT), str(clone)], folder, environment)
        prepared = _time([sys.executable, "-m", "venv", ".venv"], clone, environment)
        prepared += _time([".venv/bin/pip", "install", "--quiet", "uv"], clone, environment)
        installed = _time([".venv/bin/uv", "pip", "install", "--quiet", ".[demo]"], clone, environment)
        began = time.monotonic()
        output = _run([".venv/bin/cognito-jupyter", "demo", "--check"], clone, environment)
        started = time.monotonic() - began
    found = _FIRST_READ.search(output)
    if found is None:
        raise RuntimeError(f"The demo did not read from S3: {output[-500:]}")
    read = min(float(found[1]), started)
    total = cloned + prepared + installed + read
    floor = "what uv needs for the packages"
    return Group(
        "From git clone to the first read of the demo",
        (
            Figure("all of it", "s", (total,), (installed,), floor, (), Reach(_LIMIT)),
            Figure("of it: git clone", "s", (cloned,), (installed,), floor),
            Figure("of it: a virtual environment with uv", "s", (prepared,), (installed,), floor),
            Figure("of it: the demo's start, a login and the read", "s", (read,), (installed,), floor),
        ),
    )


def _time(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    began = time.monotonic()
    _run(command, folder, environment)
    return time.monotonic() - began


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Returns the output of a command, which is shown if it fails."""
    process = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {process.stdout[-2000:]}")
    return process.stdout
