"""What a kernel does that shares a kept sign-in, as functions that run in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any

from cognito_jupyter.config import CognitoConfiguration
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store import Store
from cognito_jupyter.credentials.store_format import StoreKey
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

SPAWN = multiprocessing.get_context("spawn")


def configuration(environment: Mapping[str, str] = os.environ) -> CognitoConfiguration:
    names = ("DOMAIN", "CLIENT_ID", "REDIRECT_URI", "REGION", "USER_POOL_ID", "IDENTITY_POOL_ID")
    return CognitoConfiguration(*(environment[f"COGNITO_{name}"] for name in names))


def store_in(folder: Path | str) -> Store:
    return Store(StoreKey.of(configuration()), Path(folder))


def new_manager() -> CognitoCredentialsManager:
    where = configuration()
    authenticator = CognitoOAuthAuthenticator(where.domain, where.client_id, where.redirect_uri, where.region)
    return CognitoCredentialsManager(
        where.identity_pool_id, where.user_pool_id, where.region, authenticator=authenticator
    )


def restarted(folder: Path | str) -> CognitoCredentialsManager:
    """A kernel that has just started, and takes the kept sign-in."""
    manager = new_manager()
    assert manager.restore(store_in(folder))
    return manager


def token_of(manager: CognitoCredentialsManager) -> str:
    tokens = manager.auth_tokens
    assert tokens is not None
    return tokens["refresh_token"]


@dataclass(frozen=True)
class Said:
    """What came of something that a process did."""

    value: Any = None
    error: str = ""


def act(action: Callable[[CognitoCredentialsManager], Any], folder: str, ready: Any, go: Any) -> Said:
    """Restores, waits for the others, then does it."""
    manager = restarted(folder)
    ready.release()
    go.wait(60)
    try:
        return Said(action(manager))
    except CognitoError as error:
        return Said(error=f"{type(error).__name__}: {error}")


def refresh(manager: CognitoCredentialsManager) -> str:
    return manager.refresh_user_pool_tokens()["refresh_token"]


def take(manager: CognitoCredentialsManager) -> tuple[str, str]:
    """Two roles' keys, as sessions take them."""
    analyst, uploader = (manager.live_credentials(role).snapshot() for role in ("Analyst", "Uploader"))
    return str(analyst.frozen.access_key), str(uploader.frozen.access_key)


def killed_again_and_again(manager: CognitoCredentialsManager) -> int:
    """Has children refresh on and on, and kills each at some moment after its first write; how many there were."""
    path = manager.keeper.path
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
        assert store_in(path.parent).read() is not None
    return 25


def crowd(action: Callable[[CognitoCredentialsManager], Any], folder: Path, count: int = 10) -> list[Said]:
    """Has as many processes do it at the same moment."""
    with SPAWN.Manager() as shared, SPAWN.Pool(count) as pool:
        ready, go = shared.Semaphore(0), shared.Event()
        pending: list[AsyncResult[Said]] = [
            pool.apply_async(act, (action, str(folder), ready, go)) for _ in range(count)
        ]
        for _ in range(count):
            assert ready.acquire(timeout=90)
        go.set()
        return [each.get(90) for each in pending]
