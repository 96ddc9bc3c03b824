"""Fixtures: the stand-in as `cognito-jupyter local` serves it, and the foreign clients in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter.local.aws.seed import BUCKET, DATA_KEY
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.ports import free_port

from .client_process import run_client

SCRIPTS = Path(__file__).parent / "javascript"
Run = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, repr=False)
class StandIn:
    """A running `cognito-jupyter local --tls`.

    Attributes:
        environment: The variables with which a client on this machine uses it.
        username: The demo user's name.
        password: The demo user's password.
    """

    environment: Mapping[str, str]
    username: str
    password: str

    def sign_in(self, authorization_url: str) -> str:
        """Signs in as a user does; returns the redirect URI with its code."""
        ca_file = self.environment["REQUESTS_CA_BUNDLE"]
        return submit_login(authorization_url, self.username, self.password, verify=ca_file, follow_callback=False)


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """The stand-in in a process of its own, over TLS."""
    # With a path: openid-client takes the redirect URI from the address that the browser was sent to, where an empty
    # path has become "/", which is another redirect URI for Cognito.
    redirect_uri = f"http://localhost:{free_port()}/callback"
    command = [sys.executable, "-m", "cognito_jupyter.cli", "local", "--tls", "--json", "--redirect-uri", redirect_uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        try:
            settings = json.loads(server.stdout.readline())
            environment = dict(settings["environment"])
            environment["NODE_EXTRA_CA_CERTS"] = environment["SSL_CERT_FILE"] = environment["REQUESTS_CA_BUNDLE"]
            region, pool_id = environment["COGNITO_REGION"], environment["COGNITO_USER_POOL_ID"]
            environment |= {
                "FOREIGN_ISSUER": f"https://cognito-idp.{region}.amazonaws.com/{pool_id}",
                "FOREIGN_BUCKET": BUCKET,
                "FOREIGN_KEY": DATA_KEY,
            }
            yield StandIn(environment, settings["user"]["username"], settings["user"]["password"])
        finally:
            server.terminate()


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
    """Runs a script of `javascript/` against the stand-in, and returns what it reported."""

    def run(script: str) -> dict[str, Any]:
        return run_client(["node", node_folder / script], stand_in.environment, stand_in.sign_in, node_folder)

    return run


@pytest.fixture(scope="session")
def run_python(stand_in: StandIn) -> Run:
    """Runs a module of `python_clients/` against the stand-in, and returns what it reported."""

    def run(module: str) -> dict[str, Any]:
        command = [sys.executable, "-m", f"tests.foreign.python_clients.{module}"]
        return run_client(command, stand_in.environment, stand_in.sign_in)

    return run
