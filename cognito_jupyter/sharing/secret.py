"""An S3 secret in a DuckDB database that stays fresh: DuckDB itself keeps what it was given first."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from ..errors import CognitoError, SignedOutError, UnavailableError
from .extras import library

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ..credentials.manager import CognitoCredentialsManager
    from ..credentials.sessions import SlotCredentials
    from ..credentials.snapshot import Snapshot

_Subscribe = Callable[[Callable[[], None]], Callable[[], None]]

_LONGEST_PAUSE = 30.0
"""Seconds after which the clock is read again: a laptop sleeps, and its waiting threads do not notice."""
_AFTER_FAILURE = 5.0


class DuckDBSecret:
    """A temporary secret in one DuckDB database, replaced whenever the role's credentials are.

    It ends with `close()`, with a `with`, when its connection is closed or collected, or when another one of the same
    name is made on that connection. While the person is signed out there is no secret.

    Args:
        live: The role's credentials.
        connection: A connection to the database; all its other connections see the secret too.
        name: The secret's name.
        options: Where S3 is, in DuckDB's words.

    Attributes:
        name: The secret's name.
    """

    def __init__(
        self, live: SlotCredentials, connection: DuckDBPyConnection, name: str, options: Mapping[str, object]
    ) -> None:
        self.name = name
        self._live = live
        self._options = dict(options)
        # A connection of its own to the same database: a connection serves one thread at a time.
        self._cursor = connection.cursor()
        self._error: type[Exception] = library("duckdb", "duckdb").Error
        self._connection = weakref.ref(connection)
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = self._unwanted = False
        self._held: Snapshot | None = None
        self._put(live.snapshot())

    def end_soon(self) -> None:
        """Has the keeper end it: for a finalizer, which may run in any thread, and inside any lock."""
        self._unwanted = True
        self._changed.set()

    def is_of(self, connection: DuckDBPyConnection, name: str) -> bool:
        """Whether it is the secret of this name that was made on this connection."""
        # DuckDB itself takes no notice of upper and lower case.
        return self.name.lower() == name.lower() and self._connection() is connection

    def close(self) -> None:
        """Drops the secret, and keeps it fresh no longer; a second call does nothing."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._drop()
                self._cursor.close()
        self._changed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DuckDBSecret {self.name}: {self._live.role_arn or 'the default role'}>"

    # -- in its own thread

    def keep(self, subscribe: _Subscribe) -> None:
        """Replaces the secret as the credentials are, until it ends.

        Args:
            subscribe: The manager's `on_change`.
        """
        unsubscribe = subscribe(self._changed.set)
        while not self._ended and not self._unwanted:
            try:
                pause = self._renewed()
            except self._error:
                # Its connection was closed, and DuckDB closed the cursor with it.
                break
            self._changed.wait(min(pause, _LONGEST_PAUSE))
            self._changed.clear()
        unsubscribe()
        self.close()

    def _renewed(self) -> float:
        """Puts the newest credentials into the secret; returns the seconds until there should be newer ones."""
        try:
            snapshot = self._live.snapshot()
        except SignedOutError:
            with self._lock:
                self._drop()
            return _LONGEST_PAUSE
        except CognitoError:
            return _AFTER_FAILURE
        self._put(snapshot)
        left = snapshot.renew_at - time.time()
        return left if left > 0 else min(_AFTER_FAILURE, snapshot.lifetime / 10)

    def _put(self, snapshot: Snapshot) -> None:
        with self._lock:
            if self._ended:
                return
            # Also where nothing is new: this is how a closed connection shows.
            self._cursor.execute("SELECT 1")
            if snapshot is not self._held:
                self._cursor.execute(*_create(self.name, snapshot, self._options))
                self._held = snapshot

    def _drop(self) -> None:
        if self._held is not None:
            self._held = None
            try:
                self._cursor.execute(f"DROP TEMPORARY SECRET IF EXISTS {_quoted(self.name)}")
            except self._error:
                return


class _Keeper(threading.Thread):
    """The thread that keeps a secret fresh."""

    def __init__(self, secret: DuckDBSecret, subscribe: _Subscribe) -> None:
        super().__init__(name="cognito-duckdb-secret", daemon=True)
        self.secret = secret
        self._subscribe = subscribe

    def run(self) -> None:
        self.secret.keep(self._subscribe)


def duckdb_secret(  # noqa: PLR0913 - two are enough; the others have a default, by keyword alone
    manager: CognitoCredentialsManager,
    connection: DuckDBPyConnection,
    role_suffix: str | None = None,
    *,
    name: str = "cognito",
    scope: str | None = None,
    region_name: str | None = None,
) -> DuckDBSecret:
    """An S3 secret in a DuckDB database that is replaced whenever the credentials are.

    `con = duckdb.connect()`, then `duckdb_secret(cognito, con)`, and `con.sql("FROM 's3://bucket/key.parquet'")` works
    for as long as the sign-in does. Where S3 is follows from botocore's configuration, AWS_ENDPOINT_URL_S3 included.

    Read results to their end, as `fetchall` and `df` do. After `con.sql(...).fetchone()` DuckDB keeps the connection in
    the transaction of then, and the next `con.sql(...)` begins with the keys of then, which may have expired.

    Args:
        manager: The sign-in.
        connection: A connection; `duckdb.default_connection()` is that of `duckdb.sql`.
        role_suffix: The end of the role's ARN; None: the last one asked for, else the first available role.
        name: The secret's name; one of the same name on that connection is ended.
        scope: The beginning of the addresses that it is for, such as "s3://bucket"; None: all of S3.
        region_name: The buckets' region; None: the manager's.

    Returns:
        The secret, which need not be kept.

    Raises:
        MissingLibraryError: duckdb is not installed (an ImportError).
        UnavailableError: DuckDB did not take the secret: it could not load its extension httpfs, or AWS refused or
            could not be reached (a ConnectionError).
        RoleError, RefusedError: As `ensure_credentials`.
    """
    duckdb = library("duckdb", "duckdb")
    live = manager.live_credentials(role_suffix)
    options = _where_s3_is(region_name or manager.region) | ({"scope": scope} if scope is not None else {})
    _end_earlier(connection, name)
    try:
        secret = DuckDBSecret(live, connection, name, options)
    except duckdb.Error as error:
        # Only what kind of error: the text may quote the statement, and DuckDB may fill in its values.
        raise UnavailableError(
            f"DuckDB did not take the secret ({type(error).__name__}).",
            "See whether the connection is open, and whether INSTALL httpfs; LOAD httpfs; works in it.",
        ) from None
    # The default connection outlives the object that stands for it.
    if connection is not duckdb.default_connection():
        weakref.finalize(connection, secret.end_soon)
    _Keeper(secret, manager.on_change).start()
    return secret


def _end_earlier(connection: DuckDBPyConnection, name: str) -> None:
    """A cell that is run twice makes one secret with one thread."""
    for thread in threading.enumerate():
        if isinstance(thread, _Keeper) and thread.secret.is_of(connection, name):
            thread.secret.close()


def _where_s3_is(region: str) -> dict[str, object]:
    """What botocore would do, in DuckDB's words."""
    url = urlsplit(_address_of("bucket", region))
    by_path = url.path.endswith("/bucket")
    host, path = url.netloc.removeprefix("bucket."), url.path.removesuffix("/bucket" if by_path else "/").rstrip("/")
    style = "path" if by_path else "vhost"
    return {"region": region, "endpoint": host + path, "url_style": style, "use_ssl": url.scheme == "https"}


def _address_of(bucket: str, region: str) -> str:
    """Where botocore would send a request about a bucket: what all of its settings come to. Nothing is sent."""
    from botocore import UNSIGNED
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.compat import HTTPHeaders
    from botocore.config import Config

    from ..credentials.botocore_session import new_session

    addresses: list[str] = []

    def note(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        addresses.append(request.url)
        # An answer of a handler stands for the server's.
        return AWSResponse(request.url, 200, HTTPHeaders(), _Nothing())

    # Typed loosely: the stubs know neither the methods of a service nor handlers that answer.
    client: Any = new_session().create_client("s3", region_name=region, config=Config(signature_version=UNSIGNED))
    client.meta.events.register("before-send.s3", note)
    client.head_bucket(Bucket=bucket)
    return addresses[0]


class _Nothing:
    """The body of an answer that has none, as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        return iter(())


def _create(name: str, snapshot: Snapshot, options: Mapping[str, object]) -> tuple[str, list[object]]:
    """The statement and its values, which are bound: no value is ever in a statement that a log may show."""
    keys = {"key_id": snapshot.frozen.access_key, "secret": snapshot.frozen.secret_key}
    values: dict[str, object] = {**keys, "session_token": snapshot.frozen.token, **options}
    settings = ", ".join(f"{option} ?" for option in values)
    statement = f"CREATE OR REPLACE TEMPORARY SECRET {_quoted(name)} (TYPE s3, PROVIDER config, {settings})"
    return statement, list(values.values())


def _quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
