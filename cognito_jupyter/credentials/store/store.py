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

from ...errors import SignedOutError, UnavailableError
from . import files as store_file, lines as store_lines
from .format import StoredSignIn, StoreKey, parse, parse_key, serialize
from .private_file import UntrustedFileError

_LOCK_TIMEOUT = 60.0
"""Seconds to wait for the lock: a refresh under it takes that long where the network does its worst."""
_LOGOUT_LOCK_TIMEOUT = 10.0
"""Seconds that signing out waits for it: a person waits too."""
_NAME_LENGTH = 32


class Store:
    """The file of one sign-in.

    It holds no lock and no secret between calls, so that a fork may use it as it is.

    Args:
        key: Which sign-in.
        directory: Where the files lie; None: in the user's state folder.

    Attributes:
        key: As given.
        path: The file, whether it exists or not.
        name: Its name without the ending, for a credential process.
        warning: One sentence about the last file that could not be used, and where it is now; None: there was none.
    """

    def __init__(self, key: StoreKey, directory: Path | None = None) -> None:
        self.path = (directory if directory is not None else store_file.default_directory()) / _file_name(key)
        self.name = self.path.stem
        self.warning: str | None = None
        self.key = key

    def __repr__(self) -> str:
        return f"<Store: {self.path}>"

    def read_sign_in(self) -> StoredSignIn | None:
        """What is stored, read without the lock; None: nobody is signed in.

        A file that is damaged or not to be trusted is set aside under the lock, and `problem` names it.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if not store_file.directory_exists(self.path.parent):
            return None
        try:
            return self._read_and_parse()[1]
        except UntrustedFileError as error:
            reason = f"{self.path} {error}"
        try:
            # Looked at again under the lock: a login may just have put a good one there.
            with store_file.file_lock(self.path, _LOCK_TIMEOUT):
                return self._read_or_quarantine()[1]
        except UnavailableError as error:
            self.warning = f"{reason}, and could not be set aside ({error.what.removesuffix('.')})."
            return None

    def save_new(self, sign_in: StoredSignIn) -> None:
        """Keeps the sign-in of a login that has just ended, whatever was there before.

        Raises:
            UnavailableError: It could not be kept; what was there is untouched (a ConnectionError).
        """
        content = self.serialize(sign_in)
        store_file.ensure_directory(self.path.parent)
        with store_file.file_lock(self.path, _LOCK_TIMEOUT):
            self._read_or_quarantine()  # sets aside what is not ours: to write over it would lose it
            store_file.write_atomically(self.path, content)

    @contextmanager
    def transaction(self, timeout: float = _LOCK_TIMEOUT) -> Iterator[StoreTransaction]:
        """Keeps every other kernel from writing; what it yields has been read anew under the lock.

        The lock cannot be taken twice: within the block nothing but the object that is yielded is to be used.

        Args:
            timeout: Seconds to wait for another kernel.

        Raises:
            UnavailableError: The lock could not be had, or the file cannot be read (a ConnectionError).
        """
        store_file.ensure_directory(self.path.parent)
        with store_file.file_lock(self.path, timeout):
            transaction = StoreTransaction(self, *self._read_or_quarantine())
            try:
                yield transaction
            finally:
                transaction._owner_pid = None  # noqa: SLF001 - the two are one thing

    def unlocked_transaction(self) -> StoreTransaction:
        """The same without the lock: the last resort where whoever holds it hangs, or the folder allows no lock.

        Raises:
            UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if not store_file.directory_exists(self.path.parent):
            return StoreTransaction(self, None, None)
        try:
            return StoreTransaction(self, *self._read_and_parse())
        except UntrustedFileError as error:
            self.warning = f"{self.path} {error}."
            return StoreTransaction(self, None, None)

    def delete(self, matches: Callable[[StoredSignIn], bool] = lambda _: True) -> StoredSignIn | None:
        """Signs out on disk: removes the file, and all that was set aside of it.

        A kernel that hangs with the lock keeps nobody signed in: after a while the file is removed without the lock.

        Args:
            matches: Whether it is the sign-in to end; another one stays.

        Returns:
            What was stored and is removed now; None: nothing that could be used.

        Raises:
            UnavailableError: The file is still there (a ConnectionError).
        """
        if not store_file.directory_exists(self.path.parent):
            return None
        try:
            with store_file.file_lock(self.path, _LOGOUT_LOCK_TIMEOUT):
                return self._delete(matches)
        except UnavailableError:
            # Nobody writes it back, because whoever holds the lock finds it gone.
            return self._delete(matches)

    def _delete(self, matches: Callable[[StoredSignIn], bool]) -> StoredSignIn | None:
        try:
            found = self._read_and_parse()[1]
        except UntrustedFileError:
            found = None
        if found is not None and not matches(found):
            return None
        store_file.delete_file(self.path)
        return found

    def _read_or_quarantine(self) -> tuple[bytes | None, StoredSignIn | None]:
        """The file's content and what it says, after setting aside what cannot be used; with the lock held."""
        try:
            return self._read_and_parse()
        except UntrustedFileError as error:
            reason = f"{self.path} {error}"
        try:
            self.warning = f"{reason}, and was set aside as {store_file.quarantine(self.path).name}."
        except UnavailableError as error:
            self.warning = f"{reason}, and could not be set aside ({error.what.removesuffix('.')})."
        return None, None

    def _read_and_parse(self) -> tuple[bytes | None, StoredSignIn | None]:
        content = store_file.read_file(self.path)
        return content, parse(self.key, content) if content is not None else None

    def serialize(self, sign_in: StoredSignIn) -> bytes:
        """Return the content of the file for this sign-in."""
        try:
            content = serialize(self.key, sign_in)
            parse(self.key, content)
        except ValueError:  # it would be set aside at the next reading, and what was there before would be lost
            raise UnavailableError("This sign-in is not in a shape that can be kept.", "Sign in again.") from None
        return content


def open_store(path: Path) -> Store | None:
    """The store whose file lies at a path, with the key that stands in it; None: nobody is signed in there.

    Raises:
        BadFileError: The file cannot be used.
        UnavailableError: The folder cannot be trusted, or the file cannot be read (a ConnectionError).
    """
    content = store_file.read_file(path) if store_file.directory_exists(path.parent) else None
    if content is None:
        return None
    store = Store(parse_key(content), path.parent)
    if store.path != path:
        raise UntrustedFileError("is not what its name says")
    return store


def list_store_keys(directory: Path | None = None) -> list[StoreKey]:
    """Which sign-ins are kept; what cannot be used is left out.

    Args:
        directory: Where the files lie; None: in the user's state folder.
    """
    directory = directory if directory is not None else store_file.default_directory()
    with suppress(UnavailableError):
        if store_file.directory_exists(directory):
            return [
                key for path in sorted(directory.glob(f"*{store_lines.SUFFIX}")) if (key := _read_key(path)) is not None
            ]
    return []


def _read_key(path: Path) -> StoreKey | None:
    try:
        content = store_file.read_file(path)
        return parse_key(content) if content is not None else None
    except (UntrustedFileError, UnavailableError):
        return None


class StoreTransaction:
    """What is stored, for as long as the lock is held.

    Attributes:
        sign_in: As it was when the lock had been taken, or as replaced since; None: nobody is signed in.
    """

    __slots__ = ("_content", "_owner_pid", "_store", "sign_in")

    def __init__(self, store: Store, content: bytes | None, sign_in: StoredSignIn | None) -> None:
        self.sign_in = sign_in
        self._store = store
        self._content = content
        self._owner_pid: int | None = os.getpid()

    def replace_sign_in(self, sign_in: StoredSignIn) -> None:
        """Writes newer tokens or keys of the same sign-in.

        Raises:
            SignedOutError: The file is gone, or is that of a later login (a PermissionError).
            UnavailableError: It could not be written, what was there is untouched; or the lock is not held any more,
                or by the process that this one was forked from (a ConnectionError).
        """
        path = self._store.path
        if self._owner_pid != os.getpid():
            raise UnavailableError(f"This process does not hold the lock of {path}.", "Take the lock again.")
        content = self._store.serialize(sign_in)
        # Somebody may have removed file, lock and folder, and have signed in anew: that is not ours to write over.
        if self._content is None or self._current_content() != self._content:
            raise SignedOutError(f"You are signed out: {path} is gone, or holds a later sign-in.", "Sign in again.")
        store_file.write_atomically(path, content)
        self._content, self.sign_in = content, sign_in

    def _current_content(self) -> bytes | None:
        try:
            return store_file.read_file(self._store.path)
        except UntrustedFileError:
            return None


def _file_name(key: StoreKey) -> str:
    """A name that says nothing; each user of a folder that several share has another one."""
    key_parts = [key.client_id, key.domain, key.user_pool_id, key.identity_pool_id, *key.endpoints]
    text = json.dumps([store_file.current_user(), *key_parts])
    return f"{hashlib.sha256(text.encode()).hexdigest()[:_NAME_LENGTH]}{store_lines.SUFFIX}"
