"""Sign-ins to store, and ways to spoil their files, for the tests of the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cognito_jupyter.credentials.store.format import HEADER, VERSION
from cognito_jupyter.credentials.store.sign_in import StoredCredentials, StoredSignIn, StoreKey, serialize
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.oauth.tokens import CognitoTokens

OTHER_UID = 65534
KEY = StoreKey("https://demo.example.com", "client1", "eu-west-1_pool", "eu-west-1:1234", ("http://127.0.0.1:9",))
ROLE = "arn:aws:iam::123456789012:role/Reader"
ID_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIiLCAic3ViIjogInVzZXIifQ.c2lnbmF0dXJl"
"""A JWT whose claims are {"iss": "https://issuer", "sub": "user"}."""
SECRETS = (ID_TOKEN, "an-access-token", "a-refresh-token", "a-secret-key", "a-session-token")


def make_sign_in(access_token: str = "an-access-token", session_token: str = "a-session-token") -> StoredSignIn:
    tokens = CognitoTokens(
        id_token=ID_TOKEN, access_token=access_token, refresh_token="a-refresh-token", expires_in=3600
    )
    credentials = StoredCredentials(
        "AKIA1", "a-secret-key", session_token, 1800003600.25, 1800003599.5, 18e8, 18e8 + 3500, 3600.0
    )
    return StoredSignIn(tokens, "eu-west-1:identity", {ROLE: credentials, "": credentials})


def file_endings(store: Store) -> set[str]:
    """Return what follows the store's file name in each file beside it, without the lock."""
    return {path.name.removeprefix(store.path.name) for path in store.path.parent.iterdir()} - {".lock"}


def in_child(action: Callable[[], str]) -> str:
    """Run an action in a forked child; return its result, or its error as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            output = action()
        except BaseException as error:  # noqa: BLE001 - the parent asserts on it
            output = f"{type(error).__name__}: {error}"
        os.write(writer, output.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        output = pipe.read()
    os.waitpid(child, 0)
    return output


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def change_version(path: Path) -> None:
    path.write_text(path.read_text("ascii").replace(f"{HEADER}{VERSION}", f"{HEADER}{VERSION + 1}"), "ascii")


def replace_by_other_sign_in(path: Path) -> None:
    path.write_bytes(serialize(StoreKey("other", "", "", ""), make_sign_in()))
