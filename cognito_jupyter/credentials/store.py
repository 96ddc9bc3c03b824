"""The store: tokens and each role's current credentials on disk, shared by the kernels of one person.

A file that is gone means signed out, and nobody writes it back: only a login makes one. This module knows neither
boto3 nor botocore: a credential process that finds good keys here is done in no time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NoReturn, cast

from ..errors import SignedOutError, UnavailableError
from ..oauth.tokens import CognitoTokens, redacted
from . import store_file
from .store_file import BadFileError

VERSION = 1
"""Of the file's format: a file of any other is set aside."""

_PATIENCE = 60.0
"""Seconds to wait for the lock: a refresh under it takes that long where the network does its worst."""


@dataclass(frozen=True, repr=False)
class StoreKey:
    """Which sign-in a file holds; none of it is secret.

    Attributes:
        domain: The user pool's domain.
        client_id: The app client.
        user_pool_id: The user pool.
        identity_pool_id: The identity pool.
        endpoints: Where the services are asked instead of at AWS: a sign-in at a stand-in is not one at AWS.
    """

    domain: str
    client_id: str
    user_pool_id: str
    identity_pool_id: str
    endpoints: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<StoreKey: client {self.client_id} at {self.domain}>"


@dataclass(frozen=True, repr=False)
class StoredCredentials:
    """One role's keys, and for how long they serve; the times are seconds since the epoch.

    Attributes:
        access_key_id: As AWS gave it.
        secret_access_key: As AWS gave it.
        session_token: As AWS gave it.
        expiration: Their end by AWS's clock.
        expires_at: Their end by this machine's clock.
        renew_at: From then on the first who comes renews them.
        useless_at: From then on nobody uses them.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    expires_at: float
    renew_at: float
    useless_at: float

    def __repr__(self) -> str:
        return "<StoredCredentials>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled or copied: they would leave this process.")


@dataclass(frozen=True, repr=False)
class StoredSignIn:
    """One person's sign-in.

    Attributes:
        tokens: The user pool's.
        identity_id: The person's in the identity pool; None before the first exchange.
        credentials: Keys by role ARN; by "" those of the identity pool's default role.
    """

    tokens: CognitoTokens
    identity_id: str | None
    credentials: Mapping[str, StoredCredentials]

    def __post_init__(self) -> None:
        # A copy that does not show itself either, whatever dict they came in; frozen: there is no other way to set it.
        object.__setattr__(self, "tokens", redacted(self.tokens))

    def __repr__(self) -> str:
        return f"<StoredSignIn: keys of {len(self.credentials)} roles>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A sign-in is not pickled or copied: its tokens would leave this process.")


class Store:
    """The file of one sign-in.

    It holds no lock and no secret between calls, so that a fork may use it as it is.

    Args:
        key: Which sign-in.
        folder: Where the files lie; None: in the user's state folder.

    Attributes:
        path: The file, whether it exists or not.
        problem: One sentence about the last file that could not be used, and where it is now; None: there was none.
    """

    def __init__(self, key: StoreKey, folder: Path | None = None) -> None:
        self.path = (folder if folder is not None else store_file.default_folder()) / _file_name(key)
        self.problem: str | None = None
        self._key = key

    def __repr__(self) -> str:
        return f"<Store: {self.path}>"

    def read(self) -> StoredSignIn | None:
        """What is stored, read without the lock; None: nobody is signed in.

        A file that is damaged or not to be trusted is set aside under the lock, and `problem` names it.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if not store_file.is_there(self.path.parent):
            return None
        try:
            return self._decoded()[1]
        except BadFileError as error:
            problem = f"{self.path} {error}"
        try:
            # Looked at again under the lock: a login may just have put a good one there.
            with store_file.lock(self.path, _PATIENCE):
                return self._usable()[1]
        except UnavailableError as error:
            self.problem = f"{problem}, and could not be set aside ({error.what.removesuffix('.')})."
            return None

    def create(self, sign_in: StoredSignIn) -> None:
        """Keeps the sign-in of a login that has just ended, whatever was there before.

        Raises:
            UnavailableError: It could not be kept; what was there is untouched (a ConnectionError).
        """
        content = self._encoded(sign_in)
        store_file.make_folder(self.path.parent)
        with store_file.lock(self.path, _PATIENCE):
            self._usable()  # sets aside what is not ours: to write over it would lose it
            store_file.write(self.path, content)

    @contextmanager
    def locked(self, timeout: float = _PATIENCE) -> Iterator[LockedSignIn]:
        """Keeps every other kernel from writing; what it yields has been read anew under the lock.

        The lock cannot be taken twice: within the block nothing but the object that is yielded is to be used.

        Args:
            timeout: Seconds to wait for another kernel.

        Raises:
            UnavailableError: The lock could not be had, or the file cannot be read (a ConnectionError).
        """
        store_file.make_folder(self.path.parent)
        with store_file.lock(self.path, timeout):
            locked = LockedSignIn(self, *self._usable())
            try:
                yield locked
            finally:
                locked._process = None  # noqa: SLF001 - the two are one thing

    def remove(self) -> None:
        """Signs out on disk: removes the file, and all that was set aside of it.

        A kernel that hangs with the lock keeps nobody signed in: after a while the file is removed without the lock.

        Raises:
            UnavailableError: The file is still there (a ConnectionError).
        """
        if not store_file.is_there(self.path.parent):
            return
        try:
            with store_file.lock(self.path, _PATIENCE):
                store_file.remove(self.path)
        except UnavailableError:
            # Nobody writes it back, because whoever holds the lock finds it gone.
            store_file.remove(self.path)

    def _usable(self) -> tuple[bytes | None, StoredSignIn | None]:
        """The file's content and what it says, after setting aside what cannot be used; with the lock held."""
        try:
            return self._decoded()
        except BadFileError as error:
            problem = f"{self.path} {error}"
        try:
            self.problem = f"{problem}, and was set aside as {store_file.set_aside(self.path).name}."
        except UnavailableError as error:
            self.problem = f"{problem}, and could not be set aside ({error.what.removesuffix('.')})."
        return None, None

    def _decoded(self) -> tuple[bytes | None, StoredSignIn | None]:
        content = store_file.read(self.path)
        return content, decode(self._key, content) if content is not None else None

    def _encoded(self, sign_in: StoredSignIn) -> bytes:
        content = encode(self._key, sign_in)
        try:
            decode(self._key, content)
        except BadFileError:  # it would be set aside at the next reading, and what was there before would be lost
            raise UnavailableError("This sign-in is not in a shape that can be kept.", "Sign in again.") from None
        return content


class LockedSignIn:
    """What is stored, for as long as the lock is held.

    Attributes:
        sign_in: As it was when the lock had been taken, or as replaced since; None: nobody is signed in.
    """

    __slots__ = ("_content", "_process", "_store", "sign_in")

    def __init__(self, store: Store, content: bytes | None, sign_in: StoredSignIn | None) -> None:
        self.sign_in = sign_in
        self._store = store
        self._content = content
        self._process: int | None = os.getpid()

    def replace(self, sign_in: StoredSignIn) -> None:
        """Writes newer tokens or keys of the same sign-in.

        Raises:
            SignedOutError: The file is gone, or is that of a later login (a PermissionError).
            UnavailableError: It could not be written, what was there is untouched; or the lock is not held any more,
                or by the process that this one was forked from (a ConnectionError).
        """
        path = self._store.path
        if self._process != os.getpid():
            raise UnavailableError(f"This process does not hold the lock of {path}.", "Take the lock again.")
        content = self._store._encoded(sign_in)  # noqa: SLF001 - the two are one thing
        # Somebody may have removed file, lock and folder, and have signed in anew: that is not ours to write over.
        if self._content is None or self._found() != self._content:
            raise SignedOutError(f"You are signed out: {path} is gone, or holds a later sign-in.", "Sign in again.")
        store_file.write(path, content)
        self._content, self.sign_in = content, sign_in

    def _found(self) -> bytes | None:
        try:
            return store_file.read(self._store.path)
        except BadFileError:
            return None


def encode(key: StoreKey, sign_in: StoredSignIn) -> bytes:
    """A sign-in as a file's content."""
    document = {
        "version": VERSION,
        "key": _key_shape(key),
        "tokens": {name: value for name, value in sign_in.tokens.items() if name in _TOKENS},
        "identity_id": sign_in.identity_id,
        "credentials": {role: asdict(keys) for role, keys in sign_in.credentials.items()},
    }
    return json.dumps(document, indent=1).encode("ascii")


def decode(key: StoreKey, content: bytes) -> StoredSignIn:
    """A file's content as a sign-in.

    Raises:
        BadFileError: It is damaged, of another version, or another sign-in's; the message shows nothing of it.
    """
    document = _table(_parsed(content))
    if "version" in document and document["version"] != VERSION:
        raise BadFileError("was written by another version of this package")
    if document.get("key") != _key_shape(key):
        raise BadFileError("is not what its name says")
    identity_id = document.get("identity_id")
    return StoredSignIn(
        _tokens(_table(document.get("tokens"))),
        _text(identity_id) if identity_id is not None else None,
        {_text(role): _keys(_table(keys)) for role, keys in _table(document.get("credentials")).items()},
    )


_TOKENS = ("id_token", "access_token", "refresh_token", "expires_in", "token_type", "scope")


def _parsed(content: bytes) -> object:
    try:
        return cast("object", json.loads(content.decode("utf-8")))
    except (ValueError, RecursionError):  # its error would carry the whole text
        return None


def _tokens(table: Mapping[str, object]) -> CognitoTokens:
    tokens: dict[str, object] = {name: _text(table.get(name)) for name in _TOKENS[:3]}
    for name in _TOKENS[3:]:
        if name in table:
            tokens[name] = int(_number(table[name])) if name == "expires_in" else _text(table[name])
    return cast("CognitoTokens", tokens)


def _keys(table: Mapping[str, object]) -> StoredCredentials:
    names = [field.name for field in fields(StoredCredentials)]
    access_key_id, secret_access_key, session_token = (_text(table.get(name)) for name in names[:3])
    times = (_number(table.get(name)) for name in names[3:])
    return StoredCredentials(access_key_id, secret_access_key, session_token, *times)


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadFileError("is damaged")
    return value


def _text(value: object) -> str:
    # Tokens, keys and ARNs are plain ASCII: anything else would fail much later, in an HTTP header.
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        raise BadFileError("is damaged")
    return value


def _number(value: object) -> float:
    # Neither a bool nor what JSON calls NaN and Infinity, nor a time that no calendar knows.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        raise BadFileError("is damaged")
    return value


def _key_shape(key: StoreKey) -> dict[str, object]:
    return {**asdict(key), "endpoints": list(key.endpoints)}


def _file_name(key: StoreKey) -> str:
    """A name that says nothing; each user of a folder that several share has another one."""
    key_parts = [key.client_id, key.domain, key.user_pool_id, key.identity_pool_id, *key.endpoints]
    text = json.dumps([store_file.user(), *key_parts])
    return f"{hashlib.sha256(text.encode()).hexdigest()}.json"
