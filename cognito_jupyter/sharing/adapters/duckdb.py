"""`duckdb_secret()`: an S3 secret in a DuckDB database, replaced whenever the role's credentials are.

User code calls it, because DuckDB itself keeps the keys that it was given first. It never writes a secret to disk, and
no statement contains a value.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..._util.closing import Closeable, NotPicklable
from ..._util.refresh_loop import RefreshLoop, running_owners
from ...errors import CognitoError, SignedOutError, UnavailableError
from ..extras import import_library

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.manager import CognitoCredentialsManager
    from ...credentials.role_credentials import CachedCredentials

_MAX_DELAY = 30.0
"""Seconds after which the clock is read again: the wall clock jumps while a laptop sleeps."""
_RETRY_DELAY = 5.0
"""Seconds until the next try after a failure, and while a refresh is due."""


class DuckDBSecret(Closeable, NotPicklable):
    """A temporary secret in one DuckDB database, replaced whenever the role's credentials are.

    It is dropped by `close()`, at the end of a `with`, when its connection is closed or garbage-collected, and when
    another one of the same name is created on that connection. While the user is signed out there is no secret.

    Lock order: `_lock` is held for one statement at a time; no credentials are read and no other lock is taken in it.

    Args:
        manager: The sign-in.
        credentials: The role's credentials.
        connection: A connection to the database; all its other connections see the secret too.
        name: The secret's name.
        options: DuckDB's options that say where S3 is.

    Attributes:
        name: The secret's name.
    """

    pickle_error = "A secret of DuckDB cannot be pickled or copied: create it in the process that uses the database."

    def __init__(
        self,
        manager: CognitoCredentialsManager,
        credentials: RefreshingCredentials,
        connection: DuckDBPyConnection,
        name: str,
        options: Mapping[str, object],
    ) -> None:
        self.name = name
        self._identifier = '"' + name.replace('"', '""') + '"'
        self._credentials = credentials
        self._options = dict(options)
        # A connection serves one thread at a time, so the secret has another one to the same database.
        self._cursor = connection.cursor()
        duckdb = import_library("duckdb", "duckdb")
        self._error: type[Exception] = duckdb.Error
        self._connection = weakref.ref(connection)
        self._lock = threading.Lock()
        self._closed = False
        self._current: CachedCredentials | None = None
        self._replace_secret(credentials.get_cached_credentials())
        self._loop = RefreshLoop(
            self._refresh_once, name="cognito-duckdb-secret", max_delay=_MAX_DELAY, on_end=self._on_loop_end
        )
        self._unsubscribe = manager.on_change(self._loop.wake)
        # The object of the default connection may be collected while the connection itself is still in use.
        if connection is not duckdb.default_connection():
            # A finalizer runs in any thread and under any lock, so it only has the loop's thread close the secret.
            weakref.finalize(connection, self._loop.stop)
        self._loop.ensure_running()

    def matches(self, connection: DuckDBPyConnection, name: str) -> bool:
        """Whether this is the secret of a name on a connection.

        Args:
            connection: The connection that it was created on.
            name: The name; DuckDB ignores case.
        """
        return self.name.lower() == name.lower() and self._connection() is connection

    def close(self) -> None:
        """Drops the secret and ends its refresh; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._drop_secret()
                self._cursor.close()
        self._loop.stop()

    def __repr__(self) -> str:
        return f"<DuckDBSecret {self.name}: {self._credentials.role_arn or 'the default role'}>"

    def _refresh_once(self) -> float | None:
        """Replaces the secret if there are new credentials.

        Returns:
            Seconds until there should be newer ones; None once the secret is closed.
        """
        try:
            cached = self._credentials.get_cached_credentials()
            self._replace_secret(cached)
        except SignedOutError:
            with self._lock:
                self._drop_secret()
            return _MAX_DELAY
        except CognitoError:
            return _RETRY_DELAY
        except self._error:
            # The connection was closed, and DuckDB closed the cursor with it.
            return None
        seconds_left = cached.advisory_refresh_at - time.time()
        return seconds_left if seconds_left > 0 else min(_RETRY_DELAY, cached.lifetime / 10)

    def _replace_secret(self, cached: CachedCredentials) -> None:
        with self._lock:
            if self._closed:
                return
            # Even if there is nothing new: a closed connection raises here.
            self._cursor.execute("SELECT 1")
            if cached is not self._current:
                keys = {"key_id": cached.frozen.access_key, "secret": cached.frozen.secret_key}
                values: dict[str, object] = {**keys, "session_token": cached.frozen.token, **self._options}
                # Bound parameters: a logged statement must not show any value.
                settings = ", ".join(f"{option} ?" for option in values)
                secret = f"TEMPORARY SECRET {self._identifier} (TYPE s3, PROVIDER config, {settings})"
                self._cursor.execute(f"CREATE OR REPLACE {secret}", list(values.values()))
                self._current = cached

    def _drop_secret(self) -> None:
        if self._current is not None:
            self._current = None
            try:
                self._cursor.execute(f"DROP TEMPORARY SECRET IF EXISTS {self._identifier}")
            except self._error:
                return

    def _on_loop_end(self) -> None:
        self._unsubscribe()
        self.close()


def duckdb_secret(  # noqa: PLR0913 - two are required; the others are optional keywords
    manager: CognitoCredentialsManager,
    connection: DuckDBPyConnection,
    role_suffix: str | None = None,
    *,
    name: str = "cognito",
    scope: str | None = None,
    region_name: str | None = None,
) -> DuckDBSecret:
    """Creates an S3 secret in a DuckDB database that is replaced whenever the credentials are.

    `con = duckdb.connect()`, then `duckdb_secret(cognito, con)`, and `con.sql("FROM 's3://bucket/key.parquet'")` works
    for as long as the user is signed in. Where S3 is follows from botocore's configuration, including
    AWS_ENDPOINT_URL_S3.

    Read results to their end, as `fetchall` and `df` do. After `con.sql(...).fetchone()` DuckDB keeps the connection in
    its transaction, so that the next `con.sql(...)` begins with the secret of that time, which may have expired.

    Args:
        manager: The sign-in.
        connection: A connection; `duckdb.default_connection()` is the one that `duckdb.sql` uses.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        name: The secret's name; one of the same name on that connection is closed.
        scope: The beginning of the URLs that the secret is for, such as "s3://bucket"; None: all of S3.
        region_name: The buckets' region; None: the manager's.

    Returns:
        The secret. You need not keep a reference to it.

    Raises:
        MissingLibraryError: duckdb is not installed (an ImportError).
        UnavailableError: DuckDB did not accept the secret, because it could not load its extension httpfs; or Cognito
            could not be reached (a ConnectionError).
        RoleError, RefusedError, CredentialsError: As in `ensure_credentials`.
    """
    duckdb = import_library("duckdb", "duckdb")
    credentials = manager.credentials_for_role(manager.resolve_role(role_suffix))
    options = _s3_options(region_name or manager.region) | ({"scope": scope} if scope is not None else {})
    # A cell that is run twice must leave one secret with one thread.
    for existing in running_owners(DuckDBSecret):
        if existing.matches(connection, name):
            existing.close()
    try:
        return DuckDBSecret(manager, credentials, connection, name, options)
    except duckdb.Error as error:
        # Only the kind of error: its text may quote the statement, in which DuckDB may have filled in the values.
        raise UnavailableError(
            f"DuckDB did not accept the secret ({type(error).__name__}).",
            "Check that the connection is open, and that INSTALL httpfs; LOAD httpfs; works in it.",
        ) from None


def _s3_options(region: str) -> dict[str, object]:
    """Where botocore would send requests to S3, as options of a DuckDB secret."""
    url = urlsplit(_bucket_url(region))
    by_path = url.path.endswith("/bucket")
    # DuckDB shows the endpoint, so without a password.
    netloc = url.netloc.rpartition("@")[2]
    host, path = netloc.removeprefix("bucket."), url.path.removesuffix("/bucket" if by_path else "/").rstrip("/")
    style = "path" if by_path else "vhost"
    return {"region": region, "endpoint": host + path, "url_style": style, "use_ssl": url.scheme == "https"}


def _bucket_url(region: str) -> str:
    """The URL to which botocore would send a request for "bucket", by its whole configuration; nothing is sent."""
    from botocore import UNSIGNED
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.compat import HTTPHeaders
    from botocore.config import Config

    from ..._util.botocore_session import new_session

    urls: list[str] = []

    def capture_url(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        urls.append(request.url)
        # botocore takes a handler's response in place of the server's.
        return AWSResponse(request.url, 200, HTTPHeaders(), _EmptyBody())

    # Any: the stubs know neither the methods of a service nor handlers that respond.
    client: Any = new_session().create_client("s3", region_name=region, config=Config(signature_version=UNSIGNED))
    client.meta.events.register("before-send.s3", capture_url)
    client.head_bucket(Bucket="bucket")
    return urls[0]


class _EmptyBody:
    """An empty response body, in urllib3's form."""

    def stream(self) -> Iterator[bytes]:
        return iter(())
