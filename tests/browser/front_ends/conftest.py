"""More kernels for JupyterLab: each version of ipykernel in its own environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..kernel_pool import NEWEST

_ROOT = Path(__file__).parents[3]
KERNELS = ("6.31", "7.0", "7.3", "newest")

KernelName = Callable[[str], str]


@pytest.fixture(scope="session")
def kernel_of(lab_files: Path, tmp_path_factory: pytest.TempPathFactory) -> KernelName:
    """Returns a function from a version of ipykernel to a kernel's name; the kernel is made at its first use."""
    names = {"newest": NEWEST}

    def name_of(version: str) -> str:
        if version not in names:
            python = _environment(tmp_path_factory.mktemp(f"ipykernel{version}"), f"ipykernel=={version}.*")
            names[version] = name = f"ipykernel-{version}"
            spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
            folder = lab_files / "jupyter_data_dir" / "kernels" / name
            folder.mkdir(parents=True)
            (folder / "kernel.json").write_text(json.dumps({**spec, "display_name": name}), encoding="utf-8")
        return names[version]

    return name_of


def _environment(folder: Path, requirement: str) -> str:
    """Makes an environment; returns its Python."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
    # Editable: otherwise uv would install an earlier build, whatever has changed in the source since.
    subprocess.run([*uv, "pip", "install", "--python", str(python), requirement, "--editable", str(_ROOT)], check=True)
    return str(python)
