"""The store: tokens and each role's current credentials on disk, shared by the kernels of one person.

A file that is gone means signed out, and nobody writes it back: only a login makes one. This module knows neither
boto3 nor botocore: a credential process that finds good keys here is done in no time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import SignedOutError, UnavailableError
from . import store_file, store_lines
from .private_file import BadFileError
from .store_format import StoredSignIn, StoreKey, decode, decode_key, encode

_PATIENCE = 60.0
"""Seconds to wait for the lock: a refresh under it takes that long where the network does its worst."""
_FAREWELL = 10.0
"""Seconds that signing out waits for it: a person waits too."""
_NAME_LENGTH = 32


class Store:
    """The file of one sign-in.

    It holds no lock and no secret between calls, so that a fork may use it as it is.

    Args:
        key: Which sign-in.
        folder: Where the files lie; None: in the user's state folder.

    Attributes:
        key: As given.
        path: The file, whether it exists or not.
        name: Its name without the ending, for a credential process.
        problem: One sentence about the last file that could not be used, and where it is now; None: there was none.
    """

    def __init__(self, key: StoreKey, folder: Path | None = None) -> None:
        self.path = (folder if folder is not None else store_file.default_folder()) / _file_name(key)
        self.name = self.path.stem
        self.problem: str | None = None
        self.key = key

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

    def unlocked(self) -> LockedSignIn:
        """The same without the lock: the last resort where whoever holds it hangs, or the folder allows no lock.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if not store_file.is_there(self.path.parent):
            return LockedSignIn(self, None, None)
        try:
            return LockedSignIn(self, *self._decoded())
        except BadFileError as error:
            self.problem = f"{self.path} {error}."
            return LockedSignIn(self, None, None)

    def remove(self, mine: Callable[[StoredSignIn], bool] = lambda _: True) -> StoredSignIn | None:
        """Signs out on disk: removes the file, and all that was set aside of it.

        A kernel that hangs with the lock keeps nobody signed in: after a while the file is removed without the lock.

        Args:
            mine: Whether it is the sign-in to end; another one stays.

        Returns:
            What was stored and is removed now; None: nothing that could be used.

        Raises:
            UnavailableError: The file is still there (a ConnectionError).
        """
        if not store_file.is_there(self.path.parent):
            return None
        try:
            with store_file.lock(self.path, _FAREWELL):
                return self._removed(mine)
        except UnavailableError:
            # Nobody writes it back, because whoever holds the lock finds it gone.
            return self._removed(mine)

    def _removed(self, mine: Callable[[StoredSignIn], bool]) -> StoredSignIn | None:
        try:
            found = self._decoded()[1]
        except BadFileError:
            found = None
        if found is not None and not mine(found):
            return None
        store_file.remove(self.path)
        return found

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
        return content, decode(self.key, content) if content is not None else None

    def _encoded(self, sign_in: StoredSignIn) -> bytes:
        try:
            content = encode(self.key, sign_in)
            decode(self.key, content)
        except ValueError:  # it would be set aside at the next reading, and what was there before would be lost
            raise UnavailableError("This sign-in is not in a shape that can be kept.", "Sign in again.") from None
        return content


def store_at(path: Path) -> Store | None:
    """The store whose file lies at a path, with the key that stands in it; None: nobody is signed in there.

    Raises:
        BadFileError: The file cannot be used.
        UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
    """
    content = store_file.read(path) if store_file.is_there(path.parent) else None
    if content is None:
        return None
    store = Store(decode_key(content), path.parent)
    if store.path != path:
        raise BadFileError("is not what its name says")
    return store


def stored_keys(folder: Path | None = None) -> list[StoreKey]:
    """Which sign-ins are kept; what cannot be used is left out.

    Args:
        folder: Where the files lie; None: in the user's state folder.
    """
    folder = folder if folder is not None else store_file.default_folder()
    with suppress(UnavailableError):
        if store_file.is_there(folder):
            return [key for path in sorted(folder.glob(f"*{store_lines.SUFFIX}")) if (key := _key_in(path)) is not None]
    return []


def _key_in(path: Path) -> StoreKey | None:
    try:
        content = store_file.read(path)
        return decode_key(content) if content is not None else None
    except (BadFileError, UnavailableError):
        return None


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


def _file_name(key: StoreKey) -> str:
    """A name that says nothing; each user of a folder that several share has another one."""
    key_parts = [key.client_id, key.domain, key.user_pool_id, key.identity_pool_id, *key.endpoints]
    text = json.dumps([store_file.user(), *key_parts])
    return f"{hashlib.sha256(text.encode()).hexdigest()[:_NAME_LENGTH]}{store_lines.SUFFIX}"
