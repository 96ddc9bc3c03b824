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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import cast

from ..._util.closing import NotPicklable
from ..._util.redaction import SecretBytes, SecretText, redacted, without_frames
from ...errors import CognitoError, RefusedError, SignedOutError, UnavailableError
from ...oauth.tokens import CognitoTokens, claims_of, decode_jwt_payload
from ...settings import CognitoConfiguration, RoleSelection, Settings, parsers
from ..roles import default_role
from . import files, format as file_format
from .files import InterProcessLock, UntrustedFileError

_LOG = logging.getLogger(__name__)

ENDPOINT_VARIABLES = (
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
    "AWS_ENDPOINT_URL",
)
"""The environment variables that move the services which a sign-in calls."""

_LOCK_TIMEOUT = 60.0
"""Seconds: a refresh under the lock takes that long where the network is at its worst."""
_LOGOUT_LOCK_TIMEOUT = 10.0
"""Seconds: the user waits for a logout."""
_KEY_FIELDS = ("domain", "client_id", "user_pool_id", "identity_pool_id")
_TOKEN_FIELDS = tuple(CognitoTokens.__annotations__)
_ENDED = ["ended", "yes"]
_BY_IDENTITY_POOL = ["role_selection", "identity_pool"]


# -- what is stored


@dataclass(frozen=True)
class StoreKey:
    """Which sign-in a file holds; none of it is secret.

    Attributes:
        domain: The user pool's domain.
        client_id: The app client.
        user_pool_id: The user pool.
        identity_pool_id: The identity pool.
        endpoints: Where the services are called instead of at AWS, as the environment says it ("NAME=URL"): a sign-in
            at a test server is not one at AWS.
    """

    domain: str
    client_id: str
    user_pool_id: str
    identity_pool_id: str
    endpoints: tuple[str, ...] = field(default=(), repr=False)  # a URL may hold a password

    @classmethod
    def from_configuration(cls, pools: CognitoConfiguration, environment: Mapping[str, str] = os.environ) -> StoreKey:
        """Returns the key of a configuration's sign-in.

        Args:
            pools: Where the user signs in.
            environment: May move AWS's endpoints.
        """
        domain, endpoints = parsers.origin(pools.domain), endpoint_overrides(environment)
        return cls(domain, pools.client_id, pools.user_pool_id, pools.identity_pool_id, endpoints)

    def to_settings(self) -> Settings:
        """Returns the settings with which to refresh the sign-in or to log out."""
        from ...settings.layers import client_secret_of

        region = parsers.pool_region(self.user_pool_id)
        # The redirect URI is not stored: a refresh and a logout do not need it.
        pools = CognitoConfiguration(
            self.domain, self.client_id, "http://localhost:3000", region, self.user_pool_id, self.identity_pool_id
        )
        return Settings(pools, client_secret=client_secret_of(self.client_id), remember=True)


@dataclass(frozen=True, repr=False)
class StoredCredentials(NotPicklable):
    """One role's credentials and their times, in seconds since the epoch.

    The fields stand in the order in which the file has them.

    Attributes:
        access_key_id: As AWS returned it.
        secret_access_key: As AWS returned it.
        session_token: As AWS returned it.
        expiration: When they expire by AWS's clock.
        expires_at: When they expire by this computer's clock.
        advisory_refresh_at: From then on the first process that needs them refreshes them.
        mandatory_refresh_at: From then on no process uses them.
        lifetime: Seconds from their issue to their expiry.
    """

    pickle_error = "Credentials are not pickled or copied: they would leave this process."

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    expires_at: float
    advisory_refresh_at: float
    mandatory_refresh_at: float
    lifetime: float


@dataclass(frozen=True, repr=False)
class StoredSignIn(NotPicklable):
    """One user's sign-in.

    Attributes:
        tokens: The user pool's.
        identity_id: The user's id in the identity pool; None before the first exchange.
        credentials: Credentials by role ARN; by "" those of the identity pool's default role.
        ended: Whether the user pool has refused the refresh token, so that no kernel sends it again.
        role_selection: Who chooses the role of a process that names none, "token" or "identity_pool".
    """

    pickle_error = "A sign-in is not pickled or copied: its tokens would leave this process."

    tokens: CognitoTokens
    identity_id: str | None
    credentials: Mapping[str, StoredCredentials]
    ended: bool = False
    role_selection: RoleSelection = "token"

    def __post_init__(self) -> None:
        # A redacting copy of whatever dict was passed. The class is frozen, so there is no other way to set it.
        object.__setattr__(self, "tokens", redacted(self.tokens))


def endpoint_overrides(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Returns the endpoints that an environment moves, as `StoreKey.endpoints` has them."""
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ()
    return tuple(f"{name}={environment[name]}" for name in ENDPOINT_VARIABLES if environment.get(name))


def serialize(key: StoreKey, sign_in: StoredSignIn) -> bytes:
    """Returns the content of a sign-in's file.

    Args:
        key: Which sign-in.
        sign_in: Its tokens and credentials.

    Raises:
        ValueError: A token or a credential is not printable ASCII.
    """
    tokens = cast("Mapping[str, object]", sign_in.tokens)
    records = [[name, str(getattr(key, name))] for name in _KEY_FIELDS]
    records += [["endpoint", endpoint] for endpoint in key.endpoints]
    records += [[name, str(tokens[name])] for name in _TOKEN_FIELDS if name in tokens]
    if sign_in.identity_id is not None:
        records.append(["identity_id", sign_in.identity_id])
    if sign_in.ended:
        records.append(_ENDED)
    first_role = None
    if sign_in.role_selection == "identity_pool":
        records.append(_BY_IDENTITY_POOL)
    else:
        with suppress(ValueError):
            first_role = default_role(decode_jwt_payload(sign_in.tokens["id_token"]))
    # For the credential process, which could not decode the id token without importing more.
    records.append([file_format.FIRST_ROLE, first_role or ""])
    records += [[file_format.ROLE, arn, *map(str, astuple(each))] for arn, each in sign_in.credentials.items()]
    return file_format.serialize_records(records)


def parse(key: StoreKey, content: bytes) -> StoredSignIn:
    """Returns the sign-in that a file contains.

    Args:
        key: Which sign-in it must be.
        content: The file's content.

    Raises:
        UntrustedFileError: It is damaged, of another version or another sign-in; the message shows nothing of it.
    """
    records = file_format.parse_records(content)
    if _key_in(records) != key:
        raise UntrustedFileError("is not what its name says")
    values = file_format.single_values(records, required=CognitoTokens.__required_keys__)
    if not _names_a_user(values["id_token"]):
        raise file_format.damaged()
    tokens: dict[str, object] = {name: values[name] for name in _TOKEN_FIELDS if name in values}
    if "expires_in" in tokens:
        tokens["expires_in"] = int(file_format.parse_number(values["expires_in"]))
    credentials = {}
    for record in records:
        if record[0] == file_format.ROLE:
            role_arn, access_key_id, secret_access_key, session_token, times = file_format.parse_role(record)
            credentials[role_arn] = StoredCredentials(access_key_id, secret_access_key, session_token, *times)
    selection: RoleSelection = "identity_pool" if _BY_IDENTITY_POOL in records else "token"
    identity_id, ended = values.get("identity_id"), _ENDED in records
    return StoredSignIn(cast("CognitoTokens", tokens), identity_id, credentials, ended, selection)


def _names_a_user(id_token: str) -> bool:
    """Returns whether everything that reads a stored sign-in can read its id token, so that none of it stops there."""
    try:
        claims = claims_of(id_token)
    except RefusedError:
        return False
    return "iss" in claims and "sub" in claims


def _key_in(records: list[list[str]]) -> StoreKey:
    values = file_format.single_values(records, required=_KEY_FIELDS)
    endpoints = tuple(record[1] for record in records if len(record) == 2 and record[0] == "endpoint")
    domain, client_id, user_pool_id, identity_pool_id = (values[name] for name in _KEY_FIELDS)
    return StoreKey(domain, client_id, user_pool_id, identity_pool_id, endpoints)


# -- the store


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
    store = Store(_key_in(file_format.parse_records(content)), path.parent)
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
        key = _key_in(file_format.salvage_records(content)) if content is not None else None
    except (UntrustedFileError, UnavailableError):
        return None, None
    name = path.name.partition(files.QUARANTINE_SUFFIX)[0]
    if content is None or key is None or Store(key, path.parent).path.name != name:
        return None, None
    token = file_format.single_values(file_format.salvage_records(content)).get("refresh_token")
    return key, SecretText(token) if token and file_format.is_printable_field(token) else None


def _not_quarantined(reason: str, error: UnavailableError) -> UnavailableError:
    return UnavailableError(f"{reason}, and could not be set aside ({error.what.removesuffix('.')}).")
