"""Kernels that share a stored sign-in: managers, and functions that run in separate processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any

from cognito_jupyter._util.clock import Clock
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import CognitoConfiguration
from tests.conftest import as_tokens, credentials_of
from tests.support.new_processes import new_process_context, new_process_pool


def configuration_from_environment(environment: Mapping[str, str] = os.environ) -> CognitoConfiguration:
    names = ("DOMAIN", "CLIENT_ID", "REDIRECT_URI", "REGION", "USER_POOL_ID", "IDENTITY_POOL_ID")
    return CognitoConfiguration(*(environment[f"COGNITO_{name}"] for name in names))


def store_in(folder: Path | str, lock_timeout: float = 60) -> Store:
    return Store(StoreKey.from_configuration(configuration_from_environment()), Path(folder), lock_timeout)


def new_manager(clock: Clock | None = None) -> CognitoCredentialsManager:
    settings = configuration_from_environment()
    authenticator = CognitoOAuthAuthenticator(
        settings.domain, settings.client_id, settings.redirect_uri, settings.region
    )
    return CognitoCredentialsManager(
        settings.identity_pool_id, settings.user_pool_id, settings.region, authenticator=authenticator, clock=clock
    )


def store_sign_in(cognito: LocalCognito, folder: Path | str) -> Path:
    """Stores a sign-in with the credentials of the role Analyst, as a login in a kernel or a command does.

    Args:
        cognito: The Cognito of the sign-in.
        folder: Where it is stored.

    Returns:
        Its file.
    """
    manager, store = new_manager(), store_in(folder)
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), store)
    manager.ensure_credentials("Analyst")
    assert store.path.exists()
    return store.path


def restart_kernel(
    folder: Path | str, lock_timeout: float = 60, clock: Clock | None = None
) -> CognitoCredentialsManager:
    """Returns the manager of a kernel that has just started with the stored sign-in."""
    manager = new_manager(clock)
    assert manager.restore_from_store(store_in(folder, lock_timeout))
    return manager


def refresh_token_of(manager: CognitoCredentialsManager) -> str:
    tokens = manager.auth_tokens
    assert tokens is not None
    return str(tokens["refresh_token"])


@dataclass(frozen=True)
class ActionResult:
    """The result of an action in another process, or its error."""

    value: Any = None
    error: str = ""


def run_action(action: Callable[[CognitoCredentialsManager], Any], folder: str, ready: Any, go: Any) -> ActionResult:
    """Restores the sign-in, waits for the other processes, then acts."""
    manager = restart_kernel(folder)
    ready.release()
    go.wait(60)
    try:
        return ActionResult(action(manager))
    except CognitoError as error:
        return ActionResult(error=f"{type(error).__name__}: {error}")


def refresh_tokens(manager: CognitoCredentialsManager) -> str:
    return str(manager.refresh_user_pool_tokens()["refresh_token"])


def get_credentials_of_two_roles(manager: CognitoCredentialsManager) -> tuple[str, str]:
    """Returns the access key ids of two roles, as sessions get them."""
    analyst, uploader = (credentials_of(manager, role).get_cached_credentials() for role in ("Analyst", "Uploader"))
    return str(analyst.frozen.access_key), str(uploader.frozen.access_key)


def kill_children_while_they_refresh(manager: CognitoCredentialsManager) -> int:
    """Forks children that refresh in a loop, and kills each after its first write; returns how many there were."""
    path = manager.shared_sign_in.path
    assert path is not None
    for number in range(25):
        before = path.read_bytes()
        child = os.fork()
        if child == 0:
            try:
                while True:
                    manager.refresh_user_pool_tokens()
            finally:
                os._exit(1)
        until = time.monotonic() + 30
        while path.read_bytes() == before and time.monotonic() < until:
            time.sleep(0.002)
        assert path.read_bytes() != before
        time.sleep(number * 0.003)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert store_in(path.parent).read_sign_in() is not None
    return 25


def run_in_processes(
    action: Callable[[CognitoCredentialsManager], Any], folder: Path, count: int = 10
) -> list[ActionResult]:
    """Runs the action in several processes at the same moment."""
    with new_process_context().Manager() as shared, new_process_pool(count) as pool:
        ready, go = shared.Semaphore(0), shared.Event()
        pending: list[AsyncResult[ActionResult]] = [
            pool.apply_async(run_action, (action, str(folder), ready, go)) for _ in range(count)
        ]
        for _ in range(count):
            assert ready.acquire(timeout=90)
        go.set()
        return [each.get(90) for each in pending]
