"""An S3 secret in a DuckDB database that stays fresh: DuckDB itself keeps what it was given first."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from ...errors import CognitoError, SignedOutError, UnavailableError
from .extras import import_library

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials

_Subscribe = Callable[[Callable[[], None]], Callable[[], None]]

_MAX_DELAY = 30.0
"""Seconds after which the clock is read again: a laptop sleeps, and its waiting threads do not notice."""
_RETRY_DELAY = 5.0


class DuckDBSecret:
    """A temporary secret in one DuckDB database, replaced whenever the role's credentials are.

    It ends with `close()`, with a `with`, when its connection is closed or collected, or when another one of the same
    name is made on that connection. While the person is signed out there is no secret.

    Args:
        credentials: The role's credentials.
        connection: A connection to the database; all its other connections see the secret too.
        name: The secret's name.
        options: Where S3 is, in DuckDB's words.

    Attributes:
        name: The secret's name.
    """

    def __init__(
        self,
        credentials: RefreshingCredentials,
        connection: DuckDBPyConnection,
        name: str,
        options: Mapping[str, object],
    ) -> None:
        self.name = name
        self._credentials = credentials
        self._options = dict(options)
        # A connection of its own to the same database: a connection serves one thread at a time.
        self._cursor = connection.cursor()
        self._error: type[Exception] = import_library("duckdb", "duckdb").Error
        self._connection = weakref.ref(connection)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = self._close_requested = False
        self._current: CachedCredentials | None = None
        self._replace_secret(credentials.get_cached_credentials())

    def request_close(self) -> None:
        """Has the keeper end it: for a finalizer, which may run in any thread, and inside any lock."""
        self._close_requested = True
        self._wake.set()

    def matches(self, connection: DuckDBPyConnection, name: str) -> bool:
        """Whether it is the secret of this name that was made on this connection."""
        # DuckDB itself takes no notice of upper and lower case.
        return self.name.lower() == name.lower() and self._connection() is connection

    def close(self) -> None:
        """Drops the secret, and keeps it fresh no longer; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._drop_secret()
                self._cursor.close()
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DuckDBSecret {self.name}: {self._credentials.role_arn or 'the default role'}>"

    # -- in its own thread

    def refresh_until_closed(self, subscribe: _Subscribe) -> None:
        """Replaces the secret as the credentials are, until it ends.

        Args:
            subscribe: The manager's `on_change`.
        """
        unsubscribe = subscribe(self._wake.set)
        while not self._closed and not self._close_requested:
            try:
                delay = self._refresh_once()
            except self._error:
                # Its connection was closed, and DuckDB closed the cursor with it.
                break
            self._wake.wait(min(delay, _MAX_DELAY))
            self._wake.clear()
        unsubscribe()
        self.close()

    def _refresh_once(self) -> float:
        """Puts the newest credentials into the secret; returns the seconds until there should be newer ones."""
        try:
            snapshot = self._credentials.get_cached_credentials()
        except SignedOutError:
            with self._lock:
                self._drop_secret()
            return _MAX_DELAY
        except CognitoError:
            return _RETRY_DELAY
        self._replace_secret(snapshot)
        left = snapshot.advisory_refresh_at - time.time()
        return left if left > 0 else min(_RETRY_DELAY, snapshot.lifetime / 10)

    def _replace_secret(self, snapshot: CachedCredentials) -> None:
        with self._lock:
            if self._closed:
                return
            # Also where nothing is new: this is how a closed connection shows.
            self._cursor.execute("SELECT 1")
            if snapshot is not self._current:
                self._cursor.execute(*_create_statement(self.name, snapshot, self._options))
                self._current = snapshot

    def _drop_secret(self) -> None:
        if self._current is not None:
            self._current = None
            try:
                self._cursor.execute(f"DROP TEMPORARY SECRET IF EXISTS {_quote_identifier(self.name)}")
            except self._error:
                return


class _SecretThread(threading.Thread):
    """The thread that keeps a secret fresh."""

    def __init__(self, secret: DuckDBSecret, subscribe: _Subscribe) -> None:
        super().__init__(name="cognito-duckdb-secret", daemon=True)
        self.secret = secret
        self._subscribe = subscribe

    def run(self) -> None:
        self.secret.refresh_until_closed(self._subscribe)


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
    duckdb = import_library("duckdb", "duckdb")
    credentials = manager.refreshing_credentials(role_suffix)
    options = _s3_options(region_name or manager.region) | ({"scope": scope} if scope is not None else {})
    _close_earlier(connection, name)
    try:
        secret = DuckDBSecret(credentials, connection, name, options)
    except duckdb.Error as error:
        # Only what kind of error: the text may quote the statement, and DuckDB may fill in its values.
        raise UnavailableError(
            f"DuckDB did not take the secret ({type(error).__name__}).",
            "See whether the connection is open, and whether INSTALL httpfs; LOAD httpfs; works in it.",
        ) from None
    # The default connection outlives the object that stands for it.
    if connection is not duckdb.default_connection():
        weakref.finalize(connection, secret.request_close)
    _SecretThread(secret, manager.on_change).start()
    return secret


def _close_earlier(connection: DuckDBPyConnection, name: str) -> None:
    """A cell that is run twice makes one secret with one thread."""
    for thread in threading.enumerate():
        if isinstance(thread, _SecretThread) and thread.secret.matches(connection, name):
            thread.secret.close()


def _s3_options(region: str) -> dict[str, object]:
    """What botocore would do, in DuckDB's words."""
    url = urlsplit(_request_url("bucket", region))
    by_path = url.path.endswith("/bucket")
    host, path = url.netloc.removeprefix("bucket."), url.path.removesuffix("/bucket" if by_path else "/").rstrip("/")
    style = "path" if by_path else "vhost"
    return {"region": region, "endpoint": host + path, "url_style": style, "use_ssl": url.scheme == "https"}


def _request_url(bucket: str, region: str) -> str:
    """Where botocore would send a request about a bucket: what all of its settings come to. Nothing is sent."""
    from botocore import UNSIGNED
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.compat import HTTPHeaders
    from botocore.config import Config

    from ..._util.botocore_session import new_session

    urls: list[str] = []

    def capture_url(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        urls.append(request.url)
        # An answer of a handler stands for the server's.
        return AWSResponse(request.url, 200, HTTPHeaders(), _EmptyBody())

    # Typed loosely: the stubs know neither the methods of a service nor handlers that answer.
    client: Any = new_session().create_client("s3", region_name=region, config=Config(signature_version=UNSIGNED))
    client.meta.events.register("before-send.s3", capture_url)
    client.head_bucket(Bucket=bucket)
    return urls[0]


class _EmptyBody:
    """The body of an answer that has none, as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        return iter(())


def _create_statement(
    name: str, snapshot: CachedCredentials, options: Mapping[str, object]
) -> tuple[str, list[object]]:
    """The statement and its values, which are bound: no value is ever in a statement that a log may show."""
    credentials = {"key_id": snapshot.frozen.access_key, "secret": snapshot.frozen.secret_key}
    values: dict[str, object] = {**credentials, "session_token": snapshot.frozen.token, **options}
    settings = ", ".join(f"{option} ?" for option in values)
    statement = f"CREATE OR REPLACE TEMPORARY SECRET {_quote_identifier(name)} (TYPE s3, PROVIDER config, {settings})"
    return statement, list(values.values())


def _quote_identifier(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
