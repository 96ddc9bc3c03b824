"""The wheel in an environment that has nothing else: its own requirements first, then those of the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., "subprocess.CompletedProcess[str]"]

USE_EVERY_NAME = """
import cognito_jupyter
for name in cognito_jupyter.__all__:
    getattr(cognito_jupyter, name)
print(cognito_jupyter.__file__)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment without any package."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    return folder


@pytest.fixture
def run(environment: Path) -> Run:
    """Runs one of its programs, in a folder that has nothing of this repository."""
    programs = environment / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COGNITO_"))}

    def run_program(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs / name), *arguments]
        return subprocess.run(command, cwd=environment, env=variables, capture_output=True, text=True, check=False)

    return run_program


@pytest.fixture
def install(environment: Path, wheel: Path) -> Callable[[str], None]:
    """Installs the wheel, with extras such as "[demo]"."""

    def install_wheel(extras: str) -> None:
        requirement = f"cognito_jupyter{extras} @ {wheel.resolve().as_uri()}"
        subprocess.run(
            ["uv", "pip", "install", "--quiet", "--python", str(environment / "venv"), requirement], check=True
        )

    return install_wheel


def test_the_wheel_brings_all_that_its_names_and_its_command_need(
    install: Callable[[str], None], run: Run, environment: Path, wheel: Path
) -> None:
    install("")
    used = run("python", "-W", "error::ImportWarning", "-c", USE_EVERY_NAME)
    assert used.returncode == 0, used.stderr
    assert used.stdout.startswith(str(environment))
    version = run("cognito-jupyter", "--version")
    assert version.stdout.split() == ["cognito-jupyter", wheel.name.split("-")[1]]


def test_without_the_extra_the_demo_says_what_to_install(install: Callable[[str], None], run: Run) -> None:
    install("")
    demo = run("cognito-jupyter", "demo", "--check")
    assert demo.returncode == 1
    assert 'pip install "cognito_jupyter[demo]"' in demo.stderr
    assert len(demo.stderr.splitlines()) == 1


@pytest.mark.timeout(300)
def test_the_demos_check_runs_from_the_wheel(install: Callable[[str], None], run: Run) -> None:
    """JupyterLab, the kernel and the notebooks are those of the environment."""
    install("[demo]")
    check = run("cognito-jupyter", "demo", "--check")
    print(check.stdout)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "Everything works, in " in check.stdout
