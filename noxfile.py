"""What is run on this project: `nox` runs lint, types, and the tests on each Python that the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "kernel6", "tests", "browser"]
nox.options.reuse_existing_virtualenvs = True

_KNOWN = ("3.11", "3.12", "3.13", "3.14")


def _is_here(version: str) -> bool:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return True
    python = shutil.which(f"python{version}")
    # It must also run: pyenv puts a stand-in there for versions that are not installed.
    return python is not None and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0


PYTHONS = [version for version in _KNOWN if _is_here(version)]


# Container images often set this. The tests start hundreds of Pythons, each of which would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Half of a test's time is waiting, for a kernel to start or for keys to expire: so one more than there are cores. Not
# many more: kernels would wait for each other.
_SIDE_BY_SIDE = (f"--numprocesses={min((os.cpu_count() or 1) + 1, 4)}", "--dist=loadscope")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, against a Cognito on this machine."""
    session.install(".[test]")
    session.run("pytest", *_SIDE_BY_SIDE, *session.posargs)


@nox.session(python=PYTHONS[:1])
def kernel6(session: nox.Session) -> None:
    """The tests in real kernels once more, with the oldest ipykernel that is supported."""
    session.install(".[test]", "ipykernel==6.31.*")
    session.run("pytest", *_SIDE_BY_SIDE, "tests/notebook", *session.posargs)


# What pyproject.toml says, without what keeps them out of the other sessions.
_IN_A_BROWSER = "--override-ini=addopts=-ra --strict-markers --strict-config"


@nox.session(python=PYTHONS[:1])
def browser(session: nox.Session) -> None:
    """The panel in JupyterLab in Chromium, which is installed where there is none."""
    session.install(".[browser]")
    only = ("tests/browser", "--ignore=tests/browser/fronts")
    session.run("pytest", *_SIDE_BY_SIDE, _IN_A_BROWSER, *only, *session.posargs)


@nox.session(python=PYTHONS[:1])
def fronts(session: nox.Session) -> None:
    """The panel in more front ends: each supported ipykernel, Notebook 7, a kernel on another computer."""
    session.install(".[browser]")
    session.run("pytest", *_SIDE_BY_SIDE, _IN_A_BROWSER, "tests/browser/fronts", *session.posargs)


@nox.session(python=False)
def long(session: nox.Session) -> None:
    """The tests that take minutes, or many packages: fronts, libraries, dask."""
    for name in ("fronts", "libraries", "dask"):
        session.notify(name)


@nox.session(python=PYTHONS[:1])
def libraries(session: nox.Session) -> None:
    """One sign-in and the libraries that people use it with, across expiries; the versions are those of the README."""
    session.install("-c", "tests/sharing/libraries/versions.txt", ".[libraries]")
    session.run("pytest", "-m", "", "tests/sharing/libraries", *session.posargs)


@nox.session(python=PYTHONS[:1])
def soak(session: nox.Session) -> None:
    """Ten minutes of work under random faults; `nox -s soak -- --minutes 1` for less."""
    session.install(".[test]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session(python=PYTHONS[:1])
def dask(session: nox.Session) -> None:
    """One sign-in and the workers of Dask clusters on this machine."""
    session.install(".[test,dask,s3fs]")
    session.run("pytest", *_SIDE_BY_SIDE, "-m", "", "tests/sharing/dask", *session.posargs)


@nox.session(python=PYTHONS[:1])
def oldest(session: nox.Session) -> None:
    """All tests with the oldest versions of what this package needs."""
    session.install("--resolution=lowest-direct", ".[test]")
    session.run("pytest", *_SIDE_BY_SIDE, *session.posargs)


@nox.session(python=PYTHONS[:1])
def lint(session: nox.Session) -> None:
    """Style, and the mistakes that style finds."""
    session.install("ruff>=0.15")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHONS[:1])
def types(session: nox.Session) -> None:
    """mypy, strict, over package and tests; tests/typing/api.py holds the public types."""
    session.install(".[browser]", "mypy>=2", "nox", "boto3-stubs", "botocore-stubs", "types-requests", "types-psutil")
    session.run("mypy")


@nox.session(python=PYTHONS[:1])
def bench(session: nox.Session) -> None:
    """The benchmarks, printed as ratios; they take eight minutes, and nothing else should run meanwhile."""
    session.install(".[test]")
    # What they are compared with. Its dependencies are heavy, and its Cognito module does without them.
    session.install("--no-deps", "mast_transfer_tools==1.0.3")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session(python=PYTHONS[:1])
def build(session: nox.Session) -> None:
    """The wheel and the source archive, and whether the wheel works where nothing else is installed."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    session.install("--force-reinstall", str(next(Path("dist").glob("*.whl"))))
    session.chdir(session.create_tmp())
    session.run("python", "-c", "import cognito_jupyter; print(cognito_jupyter.CognitoCredentialsManager)")
