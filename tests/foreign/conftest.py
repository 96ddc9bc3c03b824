"""Fixtures: the stand-in as `cognito-jupyter local` serves it, and the foreign clients in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .client_process import run_client
from .stand_in import StandIn, new_redirect_uri

SCRIPTS = Path(__file__).parent / "javascript"
Run = Callable[..., dict[str, Any]]
"""Runs a client, by its file's name, at a stand-in; without one, at `cognito-jupyter local`."""


@contextmanager
def run_local_command(*options: str) -> Iterator[StandIn]:
    """Runs `cognito-jupyter local` with TLS in a process of its own.

    Args:
        *options: More options of the command.
    """
    command = [sys.executable, "-m", "cognito_jupyter.cli", "local", "--tls", "--json", *options]
    command += ["--redirect-uri", new_redirect_uri()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        try:
            settings = json.loads(server.stdout.readline())
            environment = settings["environment"]
            host = f"https://cognito-idp.{environment['COGNITO_REGION']}.amazonaws.com"
            if "LOCAL" in options:
                host = environment["COGNITO_DOMAIN"]
            issuer = f"{host}/{environment['COGNITO_USER_POOL_ID']}"
            yield StandIn.from_settings(environment, **settings["user"], issuer=issuer)
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """A user pool with the usual issuer."""
    with run_local_command() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def local_stand_in() -> Iterator[StandIn]:
    """A user pool whose documents and tokens have only URLs of this machine."""
    with run_local_command("--issuer-type", "LOCAL") as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """The folder into which `nox -s foreign` has installed the npm packages, with our scripts beside them."""
    try:
        folder = Path(os.environ["FOREIGN_NODE_FOLDER"])
    except KeyError:
        pytest.fail("These tests need npm packages. Run them with: nox -s foreign")
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="session")
def run_javascript(stand_in: StandIn, node_folder: Path) -> Run:
    """Runs a script of `javascript/` and returns what it reported."""

    def run(script: str, at: StandIn = stand_in, **variables: str) -> dict[str, Any]:
        command = ["node", str(node_folder / f"{script}.mjs")]
        return run_client(command, {**at.environment, **variables}, at.sign_in, node_folder)

    return run


@pytest.fixture(scope="session")
def run_python(stand_in: StandIn) -> Run:
    """Runs a module of `python_clients/` and returns what it reported."""

    def run(module: str, at: StandIn = stand_in, **variables: str) -> dict[str, Any]:
        command = [sys.executable, "-m", f"tests.foreign.python_clients.{module}"]
        return run_client(command, {**at.environment, **variables}, at.sign_in)

    return run
