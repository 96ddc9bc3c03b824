"""The store: one file for each sign-in on this computer, with its tokens and each role's current credentials.

All kernels of a user share it. `SharedSignIn` reads and writes it for the manager, `remembered` finds it, and the
commands of the terminal list it. It makes no call to Cognito or AWS, and knows neither boto3 nor botocore.

Invariants:
- A deleted file means signed out. Only a login creates a file; a refresh replaces the file that it has read, or none.
- A file is written with the lock held, in one step; it is read without the lock.
- A file that is damaged or not to be trusted is renamed ("set aside"), never overwritten, and named in `Store.warning`.
  A logout deletes it, and revokes the refresh token that can be read in it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from ..._util.redaction import SecretBytes, SecretText, without_frames
from ...errors import CognitoError, SignedOutError, UnavailableError
from . import files, format as file_format
from .files import InterProcessLock, UntrustedFileError
from .sign_in import StoredSignIn, StoreKey, key_in, parse, serialize

_LOG = logging.getLogger(__name__)

_LOCK_TIMEOUT = 60.0
"""Seconds: a refresh under the lock takes that long where the network is at its worst."""
_LOGOUT_LOCK_TIMEOUT = 10.0
"""Seconds: the user waits for a logout."""


class Store:
    """The file of one sign-in.

    It holds no lock and no secret between calls, so that a forked process may go on using it.

    Args:
        key: Which sign-in.
        directory: Where the files lie; None: in the user's state directory.
        lock_timeout: Seconds to wait while another process holds the lock.

    Attributes:
        key: As given.
        lock_timeout: As given.
        path: The file, whether it exists or not.
        name: Its name without the suffix, which the credential process takes as an argument.
        warning: Which file could not be used last, why, and where it is now; None: there was none.
    """

    def __init__(self, key: StoreKey, directory: Path | None = None, lock_timeout: float = _LOCK_TIMEOUT) -> None:
        # The name reveals nothing, and differs for each user of a directory that several users share.
        parts = [key.client_id, key.domain, key.user_pool_id, key.identity_pool_id, *key.endpoints]
        digest = hashlib.sha256(json.dumps([files.current_user(), *parts]).encode()).hexdigest()
        directory = Path(files.state_directory()) if directory is None else directory
        self.path = directory / f"{digest[:32]}{file_format.SUFFIX}"
        self.name = self.path.stem
        self.key = key
        self.lock_timeout = lock_timeout
        self.warning: CognitoError | None = None

    def __repr__(self) -> str:
        return f"<Store: {self.path}>"

    def require_home(self) -> None:
        """Returns if the user has a home to store a sign-in in.

        Raises:
            UnavailableError: The user has none (a ConnectionError).
        """
        files.require_home(self.path.parent)

    def read_sign_in(self) -> StoredSignIn | None:
        """Returns what is stored, read without the lock; None if the user is not signed in.

        A file that is damaged or not to be trusted is set aside under the lock, and `warning` names it.

        Raises:
            UnavailableError: The directory cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        if not files.check_directory(self.path.parent):
            return None
        try:
            return self._read_and_parse()[1]
        except UntrustedFileError as error:
            reason = f"{self.path} {error}"
        try:
            # Read again under the lock: a login may just have replaced it with a valid file.
            with InterProcessLock(self.path, self.lock_timeout):
                return self._read_or_quarantine()[1]
        except UnavailableError as error:
            self.warning = _not_quarantined(reason, error)
            return None

    def save_new(self, sign_in: StoredSignIn) -> None:
        """Stores the sign-in of a login that has just finished, whatever was stored before.

        Raises:
            UnavailableError: It could not be stored; what was stored is unchanged (a ConnectionError).
        """
        content = self.serialize(sign_in)
        files.ensure_directory(self.path.parent)
        files.require_private_directory(self.path.parent)
        with InterProcessLock(self.path, self.lock_timeout):
            self._read_or_quarantine()  # overwriting an unusable file would lose it
            files.write_atomically(self.path, content)

    @contextmanager
    def transaction(self, timeout: float | None = None) -> Iterator[StoreTransaction]:
        """Locks the file against all other kernels, and yields what it contains then.

        The lock cannot be taken twice: use nothing but the yielded object within the block.

        Args:
            timeout: Seconds to wait while another process holds the lock; None: `lock_timeout`.

        Raises:
            UnavailableError: The lock could not be taken, or the file cannot be read (a ConnectionError).
        """
        files.ensure_directory(self.path.parent)
        lock = InterProcessLock(self.path, self.lock_timeout if timeout is None else timeout)
        with lock, closing(StoreTransaction(self, *self._read_or_quarantine())) as transaction:
            yield transaction

    def unlocked_transaction(self) -> StoreTransaction:
        """Returns the same without the lock, for use when its holder hangs or the directory allows no lock.

        Raises:
            UnavailableError: The directory cannot be trusted, or the file cannot be read (a ConnectionError).
        """
        content, sign_in = None, None
        if files.check_directory(self.path.parent):
            try:
                content, sign_in = self._read_and_parse()
            except UntrustedFileError as error:
                self.warning = UnavailableError(f"{self.path} {error}.")
        return StoreTransaction(self, content, sign_in)

    def delete(self, matches: Callable[[StoredSignIn], bool] = lambda _: True) -> list[str]:
        """Signs out on disk: deletes the file, and everything that was set aside of it.

        If another process hangs with the lock, the file is deleted without the lock after a while.

        Args:
            matches: Whether a sign-in is the one to delete; another one stays.

        Returns:
            The refresh tokens in the deleted files, for the caller to revoke; a damaged one may be among them.

        Raises:
            UnavailableError: The file still exists (a ConnectionError).
        """
        if not files.check_directory(self.path.parent):
            return []
        with ExitStack() as stack:
            # Without the lock too: the process that holds it finds the file gone, and does not write it back.
            with suppress(UnavailableError):
                stack.enter_context(InterProcessLock(self.path, _LOGOUT_LOCK_TIMEOUT))
            found = None
            with suppress(UntrustedFileError):
                found = self._read_and_parse()[1]
            unusable = files.quarantined_files(self.path)
            if found is None or matches(found):
                unusable.insert(0, self.path)
            tokens = [token for path in unusable if (token := _salvage(path)[1]) is not None]
            files.delete_files(unusable)
            return list(dict.fromkeys(tokens))

    def unusable_files(self) -> list[Path]:
        """Returns the files that hold no sign-in that can be used: what was set aside, and a file that will be."""
        try:
            usable = self._read_and_parse()[1] is not None
        except (UntrustedFileError, UnavailableError):
            usable = False
        found = files.quarantined_files(self.path)
        return found if usable or not os.path.lexists(self.path) else [self.path, *found]

    def serialize(self, sign_in: StoredSignIn) -> bytes:
        """Returns the content of this store's file for a sign-in.

        Raises:
            UnavailableError: It could not be read back; written, it would be set aside by the next process that reads
                it, and what was stored before would be lost (a ConnectionError).
        """
        try:
            content = SecretBytes(serialize(self.key, sign_in))
            parse(self.key, content)
        except ValueError:
            content = SecretBytes()
        if not content:
            # Raised outside of `except`: the variables of the frames below hold the tokens.
            raise UnavailableError("This sign-in is not in a form that can be stored.", "Sign in again.")
        return content

    def _read_or_quarantine(self) -> tuple[bytes | None, StoredSignIn | None]:
        """Returns the file's content and sign-in, after setting aside an unusable file; call it with the lock held."""
        try:
            return self._read_and_parse()
        except UntrustedFileError as error:
            reason = f"{self.path} {error}"
        try:
            self.warning = UnavailableError(f"{reason}, and was set aside as {files.quarantine(self.path).name}.")
        except UnavailableError as error:
            self.warning = _not_quarantined(reason, error)
        # Nothing raises this: the login that follows makes it unimportant, but the user should know.
        _LOG.warning("%s", self.warning)
        return None, None

    def _read_and_parse(self) -> tuple[bytes | None, StoredSignIn | None]:
        content = files.read_file(self.path)
        content = SecretBytes(content) if content is not None else None
        try:
            return content, parse(self.key, content) if content is not None else None
        except UntrustedFileError as error:
            # The variables of the frames below hold what the file holds.
            raise without_frames(error)  # noqa: B904 - there is nothing that it comes from


class StoreTransaction:
    """What is stored, as long as the lock is held.

    Attributes:
        sign_in: As it was when the lock was taken, or as replaced since; None: the user is not signed in.
    """

    def __init__(self, store: Store, content: bytes | None, sign_in: StoredSignIn | None) -> None:
        self.sign_in = sign_in
        self._store = store
        self._content = content
        self._owner_pid: int | None = os.getpid()

    def replace_sign_in(self, sign_in: StoredSignIn) -> None:
        """Writes newer tokens or credentials of the same sign-in.

        Raises:
            SignedOutError: The file is gone, or belongs to a later login (a PermissionError).
            UnavailableError: It could not be written, and is unchanged; or this process does not hold the lock any
                more, or was forked from the one that holds it (a ConnectionError).
        """
        path = self._store.path
        if self._owner_pid != os.getpid():
            raise UnavailableError(f"This process does not hold the lock of {path}.", "Take the lock again.")
        content = self._store.serialize(sign_in)
        try:
            current = SecretBytes(files.read_file(path) or b"")
        except UntrustedFileError:
            current = SecretBytes()
        # Another process may have deleted file, lock and directory, and have signed in again: leave that sign-in.
        if self._content is None or current != self._content:
            raise SignedOutError(f"You are signed out: {path} is gone, or holds a later sign-in.", "Sign in again.")
        files.write_atomically(path, content)
        self._content, self.sign_in = content, sign_in

    def close(self) -> None:
        """Refuses every further write, because the lock is released."""
        self._owner_pid = None


def open_store(path: Path) -> Store | None:
    """Returns the store whose file is at a path; None if there is no file.

    Raises:
        UntrustedFileError: The file cannot be used.
        UnavailableError: The directory cannot be trusted, or the file cannot be read (a ConnectionError).
    """
    content = files.read_file(path) if files.check_directory(path.parent) else None
    if content is None:
        return None
    store = Store(key_in(file_format.parse_records(content)), path.parent)
    if store.path != path:
        raise UntrustedFileError("is not what its name says")
    return store


def list_store_keys(*, with_set_aside: bool = False) -> list[StoreKey]:
    """Returns which sign-ins are stored in the user's state directory, as far as their files say so.

    A damaged file is among them; it is set aside when its store is read.

    Args:
        with_set_aside: Whether to include those of which there is only a file that was set aside.
    """
    directory = Path(files.state_directory())
    patterns = [f"*{file_format.SUFFIX}"] + ([f"*{files.QUARANTINE_SUFFIX}*"] if with_set_aside else [])
    paths = sorted(path for pattern in patterns for path in directory.glob(pattern))
    return list(dict.fromkeys(key for path in paths if (key := _salvage(path)[0]) is not None))


def list_unusable_files() -> list[Path]:
    """Returns the files in the user's state directory that were set aside, or will be when they are read.

    Raises:
        UnavailableError: The directory cannot be trusted (a ConnectionError).
    """
    directory = Path(files.state_directory())
    if not files.check_directory(directory):
        return []
    found = list(directory.glob(f"*{files.QUARANTINE_SUFFIX}*"))
    for path in directory.glob(f"*{file_format.SUFFIX}"):
        key = _salvage(path)[0]
        if key is None or path in Store(key, directory).unusable_files():
            found.append(path)
    return sorted(found)


def key_of_file(path: Path) -> StoreKey | None:
    """Returns which sign-in a file holds, even if it is damaged; None if it does not say so."""
    return _salvage(path)[0]


def _salvage(path: Path) -> tuple[StoreKey | None, str | None]:
    """Returns which sign-in a file holds, and its refresh token, as far as they can be read.

    The file may be damaged, or open to others: then its token is the more to be revoked.

    A key counts only if the file is named after it: so no damage leads to another sign-in, or to another server.
    """
    try:
        is_safe = files.check_directory(path.parent)
        content = files.read_file(path, require_private=False) if is_safe else None
        key = key_in(file_format.salvage_records(content)) if content is not None else None
    except (UntrustedFileError, UnavailableError):
        return None, None
    name = path.name.partition(files.QUARANTINE_SUFFIX)[0]
    if content is None or key is None or Store(key, path.parent).path.name != name:
        return None, None
    token = file_format.single_values(file_format.salvage_records(content)).get("refresh_token")
    return key, SecretText(token) if token and file_format.is_printable_field(token) else None


def _not_quarantined(reason: str, error: UnavailableError) -> UnavailableError:
    return UnavailableError(f"{reason}, and could not be set aside ({error.what.removesuffix('.')}).")
