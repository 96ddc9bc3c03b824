"""The state of a Cognito in a file, so that sign-ins outlast a restart: users, app clients, keys, and refresh tokens.

The file holds passwords and keys in clear text, and only its owner may read it. It is replaced as a whole after each
change, so that a process that is killed leaves a complete one.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import AppClient, Group, IdentityProvider, User
from .identity_pool import IdentityPool
from .tokens.grants import Grant, RefreshToken, Session
from .user_pool import UserPool

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_FILE = "local-cognito.json"


def read_state(folder: Path) -> dict[str, Any] | None:
    """Returns the state in a folder; None if there is none yet.

    Raises:
        ValueError: The file is not of this program.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return state | {"user_pool_id": str(state["user_pool_id"])}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is not the state of a LocalCognito. Delete it, or choose another folder.") from None


class StateFile:
    """Writes the state of one Cognito whenever it has changed.

    Args:
        folder: The folder, which is made if necessary.
        pool: The user pool.
        identity_pool: The identity pool.
        further: What else `read_state` shall return.
    """

    def __init__(self, folder: Path, pool: UserPool, identity_pool: IdentityPool, further: Mapping[str, Any]) -> None:
        self._folder = folder
        self._pool = pool
        self._identity_pool = identity_pool
        self._further = dict(further)
        self._written = ""
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self) -> None:
        """Writes the state, if it has changed, aside, and renames it when it is complete."""
        with self._lock:
            state = json.dumps(self._state())
            if state == self._written:
                return
            aside = self._folder / f"{_FILE}.new"
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(state)
            aside.replace(self._folder / _FILE)
            self._written = state

    def _state(self) -> dict[str, Any]:
        # Copies, because other threads may serve requests meanwhile.
        pool = self._pool
        return {
            **self._further,
            "user_pool_id": pool.pool_id,
            "identity_pool_id": self._identity_pool.pool_id,
            "signer": pool.signer.export_keys(),
            "identities": dict(self._identity_pool.identities),
            "providers": [asdict(each) for each in list(pool.providers.values())],
            "groups": [asdict(each) for each in list(pool.groups.values())],
            "users": [asdict(each) for each in list(pool.users.values())],
            "clients": [asdict(each) for each in list(pool.clients.values())],
            "refresh_tokens": {token: asdict(each) for token, each in pool.refresh_tokens.copy().items()},
            "revoked": sorted(set(pool.revoked_families)),
        }


def write_after_requests(app: WSGIApplication, write: Callable[[], object]) -> WSGIApplication:
    """Returns an application that writes the state before a client gets a response.

    Args:
        app: The application.
        write: Writes the state.
    """

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        finally:
            write()

    return respond


def restore_pool(pool: UserPool, state: Mapping[str, Any]) -> None:
    """Gives a user pool its people, app clients, keys and refresh tokens back.

    Args:
        pool: A new user pool.
        state: What `read_state` returned.
    """
    pool.signer.import_keys(state["signer"])
    pool.providers = {each["name"]: IdentityProvider(**_with_tuples(each)) for each in state["providers"]}
    pool.groups = {each["name"]: Group(**each) for each in state["groups"]}
    for each in state["users"]:
        provider = pool.providers[each["provider"]["name"]] if each["provider"] is not None else None
        pool.users[each["username"]] = User(**_with_tuples(each) | {"provider": provider})
    pool.clients = {each["client_id"]: AppClient(**_with_tuples(each)) for each in state["clients"]}
    for token, each in state["refresh_tokens"].items():
        grant = Grant(**each["grant"] | {"session": Session(**each["grant"]["session"])})
        pool.refresh_tokens[token] = RefreshToken(grant, each["expires"], each["rotated_at"])
    pool.revoked_families.update(state["revoked"])


def _with_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where the model has tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
