"""The Python environments of a hub: one for the hub and its servers, one for the kernels. Every user may run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_UV = [sys.executable, "-m", "uv", "--quiet"]
_OTHER_USER = 65534  # "nobody"


@dataclass(frozen=True)
class Environments:
    """Where a hub's programs come from.

    Attributes:
        hub: The Python of the hub and of its servers.
        kernel: The Python of the kernels.
        libraries: Where they find Python's own library.
    """

    hub: Path
    kernel: Path
    libraries: Path


class EnvironmentMaker:
    """Makes environments in a folder, each in a few seconds if the packages are in uv's cache.

    Args:
        folder: Where they are made; every user must be able to read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = _python_for_all_users(folder / "python")
        self._libraries = self._python.parents[1] / "lib"
        subprocess.run([*_UV, "build", "--wheel", "--out-dir", str(folder), str(_ROOT)], check=True)
        self._wheel = str(next(folder.glob("cognito_jupyter-*.whl")))

    def kernel_elsewhere(self, *server_requirements: str) -> Environments:
        """Makes an environment for the hub and its servers, and another one for the kernels.

        The servers have this package without what it requires: neither boto3 nor requests of its choice.
        """
        hub = self._make("servers", *server_requirements)
        self._install(hub, "--no-deps", self._wheel)
        kernel = self._make("kernels", "ipykernel", self._wheel)
        return Environments(hub, kernel, self._libraries)

    def kernel_beside_server(self, *server_requirements: str) -> Environments:
        """Makes one environment for all."""
        hub = self._make("together", "ipykernel", self._wheel, *server_requirements)
        return Environments(hub, hub, self._libraries)

    def with_gateway(self) -> Path:
        """Makes an environment with a kernel gateway; returns its Python."""
        return self._make("gateway", "jupyter_kernel_gateway", "ipykernel", self._wheel)

    def _make(self, name: str, *requirements: str) -> Path:
        folder = self._folder / name
        subprocess.run([*_UV, "venv", "--python", str(self._python), str(folder)], check=True)
        python = folder / "bin" / "python"
        self._install(python, *requirements)
        return python

    def _install(self, python: Path, *arguments: str) -> None:
        subprocess.run([*_UV, "pip", "install", "--python", str(python), *arguments], check=True)


def _python_for_all_users(copy: Path) -> Path:
    """Returns this Python without its environment, or a copy of it if other users cannot run it (in root's home)."""
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = base / "bin" / name
    if os.getuid() != 0 or _runs_as_other_user(python):
        return python
    skipped = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a")
    shutil.copytree(base / "lib" / name, copy / "lib" / name, ignore=skipped)
    (copy / "lib" / name / "site-packages").mkdir()
    for library in (base / "lib").glob("libpython*"):
        shutil.copy(library, copy / "lib")
    (copy / "bin").mkdir()
    return Path(shutil.copy(python.resolve(), copy / "bin" / name))


def _runs_as_other_user(python: Path) -> bool:
    try:
        run = subprocess.run(
            [str(python), "-c", ""], user=_OTHER_USER, group=_OTHER_USER, cwd="/", check=False, capture_output=True
        )
    except OSError:
        return False
    return run.returncode == 0
