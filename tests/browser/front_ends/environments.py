"""Python environments for front ends and for kernels, each made once and then reused by all tests."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tests.support.temporary import shared_path

ROOT = Path(__file__).parents[3]
FOLDER_VARIABLE = "FRONT_END_ENVIRONMENTS"
"""Names the folder of the environments, which nox sets to one of its session; otherwise it is a temporary one."""


@dataclass(frozen=True)
class Environment:
    """What an environment consists of.

    Attributes:
        packages: Requirements, with exact versions.
        with_this_package: Whether it has this package too, with its dependencies; the source is used in place.
        without: Packages that are removed afterwards, although another one depends on them.
    """

    packages: tuple[str, ...]
    with_this_package: bool = False
    without: tuple[str, ...] = ()


def make_environment(environment: Environment) -> Path:
    """Makes an environment unless there is one; returns its Python."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or shared_path("cognito_jupyter-environments"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    identity = repr((environment, sys.version, ROOT, project["dependencies"]))
    path = folder / hashlib.sha256(identity.encode()).hexdigest()[:16]
    python = path / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    complete = path / "complete"
    # One process at a time: pytest-xdist runs several.
    with FileLock(f"{path}.lock"):
        if not complete.exists():
            shutil.rmtree(path, ignore_errors=True)
            _install(environment, path, python)
            complete.touch()
    return python


def _install(environment: Environment, path: Path, python: Path) -> None:
    uv = [sys.executable, "-m", "uv", "--quiet"]
    pip = [*uv, "pip", "install", "--python", str(python)]
    remove = [*uv, "pip", "uninstall", "--python", str(python)]
    if subprocess.run([*uv, "--version"], check=False, capture_output=True).returncode != 0:
        pip, remove = [str(python), "-m", "pip", "install"], [str(python), "-m", "pip", "uninstall", "--yes"]
        subprocess.run([sys.executable, "-m", "venv", str(path)], check=True)
    else:
        subprocess.run([*uv, "venv", "--python", sys.executable, str(path)], check=True)
    # Editable: otherwise uv would install an earlier build, whatever has changed in the source since.
    package = ["--editable", str(ROOT)] if environment.with_this_package else []
    subprocess.run([*pip, *environment.packages, *package], check=True)
    if environment.without:
        subprocess.run([*remove, *environment.without], check=True)
