"""Fixtures for all tests: a local Cognito, and an environment without the developer's own settings."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter._util.clock import Clock
from cognito_jupyter._util.folders.private import FOLDER_VARIABLE, user_folder
from cognito_jupyter._util.refresh_loop import RefreshLoop
from cognito_jupyter.credentials.background_refresh import BackgroundRefresher
from cognito_jupyter.credentials.boto_sessions import RefreshingCredentials
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.files import state_directory
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokens

from .support.botocore_files import botocore_files_read_once
from .support.compiled_once import compile_once
from .support.forked_commands import Commands, forked_commands
from .support.forked_kernels import forked_kernels
from .support.forked_moto import forked_moto
from .support.signing_keys import signing_keys_used_again
from .support.zygote import shared_zygotes, worker_command


@pytest.fixture(autouse=True, scope="session")
def enable_keyboard_interrupt() -> None:
    """A shell that runs the tests in the background has SIGINT ignored, in this process and in its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Lets the garbage collector rest: nearly all that is made until the tests are collected stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exempts what exists now from garbage collection: to look at it would take 0.3 seconds each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Has the processes of a parallel run share those that they fork from: each of those imports for two seconds.

    Args:
        config: pytest's own.
        specs: How pytest-xdist will start each process; its interpreter is replaced by one that forks.
    """
    # This process collects no tests, and what it has imported stays.
    gc.freeze()
    if sys.platform == "linux":
        compile_once(config)
    # Not the long tests: they are few, and some have Ray or a browser in the process.
    if sys.platform == "linux" and config.getoption("markexpr"):
        stack = ExitStack()
        folder = stack.enter_context(shared_zygotes())
        config.add_cleanup(stack.close)
        for spec in specs:
            spec.python = worker_command(folder)


@pytest.fixture(autouse=True, scope="session")
def fork_processes() -> Iterator[None]:
    """A new interpreter for each kernel would take a third of the time of all tests, and moto imports for seconds."""
    with forked_kernels(), forked_moto():
        yield


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Commands that are forked, for the tests that run many of them."""
    with forked_commands() as commands:
        yield commands


@pytest.fixture(autouse=True, scope="session")
def use_signing_keys_again() -> Iterator[None]:
    """Two RSA keys for each local Cognito would take as long as most of the tests that start one."""
    with signing_keys_used_again():
        yield


@pytest.fixture(autouse=True, scope="session")
def read_botocore_files_once() -> Iterator[None]:
    """Each session and client of botocore would read and parse them again: a quarter of what a test of faults takes."""
    with botocore_files_read_once():
        yield


_REMOVED_VARIABLES = (
    "AWS_", "BROWSER", "CODER_", "CODESPACES", "CODE_SERVER_", "COGNITO_", "COLAB_", "DATABRICKS_", "GITPOD_",
    "JUPYTERHUB_", "KUBERNETES_", "REMOTE_CONTAINERS", "SAGEMAKER_", "SSH_", "VSCODE_", "XDG_",
)  # fmt: skip
"""How the names of variables begin that change what is shown, or which browser is opened."""


@pytest.fixture(autouse=True)
def stop_background_refreshers() -> Iterator[None]:
    """Stops the refreshers of managers that a traceback keeps alive: they would send requests during other tests.

    The same holds for the preparations of a login that has ended before them.
    """
    yield
    for thread in threading.enumerate():
        if thread.name == "cognito-prewarm":
            thread.join(10)
        loop = getattr(thread, "loop", None)
        if isinstance(loop, RefreshLoop) and isinstance(loop.owner, BackgroundRefresher):
            loop.stop()
            loop.join(10)


@pytest.fixture(autouse=True, scope="session")
def folder_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What starts before a test has its own environment writes into a temporary folder, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("session")))
        yield


def require_temporary_folders(folder: Path) -> None:
    """Ends the run if this package would use the developer's own folders: they hold real sign-ins and settings."""
    for path in (user_folder("config"), user_folder("state"), Path(state_directory())):
        if not path.is_relative_to(folder):
            pytest.exit(f"The tests would use {path}. They run only with {FOLDER_VARIABLE}={folder}.", returncode=3)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that are made when they are used: pytest would search all that it has made for the next free name."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def own_environment(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Removes the developer's settings, and sets empty folders where programs look for files; returns the home."""
    for name in list(os.environ):
        if name.startswith(_REMOVED_VARIABLES) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    home = next(homes)
    home.mkdir(mode=0o700)
    for name, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_DIRS", "system")):
        monkeypatch.setenv(name, str(home / folder))
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv(FOLDER_VARIABLE, str(home))
    require_temporary_folders(home)
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    monkeypatch.setenv("DISPLAY", "")
    return home


@pytest.fixture
def cognito(
    local_cognito: LocalCognito, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalCognito]:
    """The local Cognito, with its settings in the environment; its knobs are reset afterwards."""
    for name, value in local_cognito.environment.items():
        monkeypatch.setenv(name, value)
    users, groups = dict(local_cognito.pool.users), dict(local_cognito.pool.groups)
    providers, clients = dict(local_cognito.pool.providers), dict(local_cognito.pool.clients)
    pool = local_cognito.identity_pool
    mapping, role = pool.mapping, pool.authenticated_role
    secrets = set(local_cognito.secrets)
    yield local_cognito
    # Forget the passwords of one test: a short one may occur in the output of another test by chance.
    local_cognito.secrets.intersection_update(secrets)
    local_cognito.knobs.reset()
    local_cognito.pool.users, local_cognito.pool.groups = users, groups
    local_cognito.pool.providers, local_cognito.pool.clients = providers, clients
    local_cognito.pool.pre_token = None
    pool.mapping, pool.authenticated_role = mapping, role


@pytest.fixture
def authenticator(cognito: LocalCognito) -> CognitoOAuthAuthenticator:
    """An authenticator for the local Cognito; it opens no browser."""
    return CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, open_browser=False
    )


@pytest.fixture
def manager(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> CognitoCredentialsManager:
    """The manager of the demo user, signed in."""
    return manager_for(cognito, authenticator)


def manager_for(
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
    username: str = "demo",
    *,
    clock: Clock | None = None,
    **claims: object,
) -> CognitoCredentialsManager:
    """Returns a manager with fresh tokens of a user; the claims replace those of the id token."""
    tokens = cognito.issue_tokens(username, **claims)
    return CognitoCredentialsManager(
        cognito.identity_pool_id,
        cognito.user_pool_id,
        cognito.region,
        as_tokens(tokens),
        authenticator,
        clock=clock,
    )


def credentials_of(manager: CognitoCredentialsManager, role_suffix: str) -> RefreshingCredentials:
    """Returns a role's credentials, as everything that shares them gets them."""
    return manager.credentials_for_role(manager.resolve_role(role_suffix))


def as_tokens(issued: Mapping[str, str]) -> CognitoTokens:
    """Converts what the local Cognito issued to what a login returns."""
    return CognitoTokens(
        id_token=issued["id_token"], access_token=issued["access_token"], refresh_token=issued["refresh_token"]
    )
