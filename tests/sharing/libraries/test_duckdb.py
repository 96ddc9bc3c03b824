"""DuckDB's secret: it follows the credentials, ends with its connection, and is not shown."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import duckdb_secret
from tests.conftest import manager_for
from tests.support.polling import wait_until

from .by_environment import duckdb_connection

pytestmark = pytest.mark.long

THREAD_NAME = "cognito-duckdb-secret"
SECRETS = "SELECT name, secret_string FROM duckdb_secrets() ORDER BY name"


@pytest.fixture
def connection() -> Iterator[Any]:
    connection = duckdb_connection()
    yield connection
    connection.close()


def secret_threads() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())


def rows(connection: Any, cognito: LocalCognito) -> int:
    return len(connection.execute(f"FROM 's3://{cognito.bucket}/{cognito.data_key}'").fetchall())


def test_it_is_replaced_when_the_credentials_are(
    cognito: LocalCognito, manager: CognitoCredentialsManager, connection: Any
) -> None:
    with duckdb_secret(manager, connection, "Analyst"):
        assert rows(connection, cognito) == 360
        newest = manager.get_credentials(role_suffix="Analyst")["access_key_id"]
        wait_until(lambda: f"key_id={newest};" in connection.execute(SECRETS).fetchall()[0][1])
        assert rows(connection, cognito) == 360
        assert cognito.aws.proxy.requests[-1].access_key_id == newest
    assert connection.execute(SECRETS).fetchall() == []
    wait_until(lambda: secret_threads() == 0)


def test_every_connection_to_the_database_sees_it(
    cognito: LocalCognito, manager: CognitoCredentialsManager, connection: Any
) -> None:
    with duckdb_secret(manager, connection, "Analyst"):
        assert rows(connection.cursor(), cognito) == 360


def test_two_roles_have_a_secret_each(
    cognito: LocalCognito, manager: CognitoCredentialsManager, connection: Any
) -> None:
    folder = f"s3://{cognito.bucket}/stars"
    with (
        duckdb_secret(manager, connection, "Analyst"),
        duckdb_secret(manager, connection, "Uploader", name='for "stars"; DROP', scope=folder),
    ):
        assert [name for name, _ in connection.execute(SECRETS).fetchall()] == ["cognito", 'for "stars"; drop']
        assert rows(connection, cognito) == 360
        assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Uploader"]


def test_a_cell_run_twice_leaves_one_secret_and_one_thread(
    cognito: LocalCognito, manager: CognitoCredentialsManager, connection: Any
) -> None:
    duckdb_secret(manager, connection, "Analyst")
    second = duckdb_secret(manager, connection, "Uploader")
    wait_until(lambda: secret_threads() == 1)
    rows(connection, cognito)
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Uploader"]
    second.close()
    second.close()
    assert connection.execute(SECRETS).fetchall() == []


def test_it_ends_with_its_connection(manager: CognitoCredentialsManager) -> None:
    wait_until(lambda: secret_threads() == 0)  # those of the tests before
    closed, dropped = duckdb_connection(), duckdb_connection()
    for connection in (closed, dropped):
        duckdb_secret(manager, connection, "Analyst")
    assert secret_threads() == 2
    closed.close()
    # This wakes the thread, which would otherwise notice within half a minute.
    manager.get_credentials(role_suffix="Analyst")
    wait_until(lambda: secret_threads() == 1)
    del connection, dropped
    gc.collect()
    wait_until(lambda: secret_threads() == 0)


def test_signing_out_drops_it_and_another_users_sign_in_does_not_restore_it(
    cognito: LocalCognito, manager: CognitoCredentialsManager, connection: Any
) -> None:
    with duckdb_secret(manager, connection, "Analyst"):
        tokens = manager.auth_tokens
        manager.sign_out()
        wait_until(lambda: connection.execute(SECRETS).fetchall() == [])
        cognito.add_user("other", "other-password", ("Analyst",))
        authenticator = manager.authenticator
        assert authenticator is not None
        manager.auth_tokens = manager_for(cognito, authenticator, "other").auth_tokens
        manager.get_credentials(role_suffix="Analyst")
        assert connection.execute(SECRETS).fetchall() == []
        manager.auth_tokens = tokens
        wait_until(lambda: bool(connection.execute(SECRETS).fetchall()))


def test_botocores_configuration_decides_the_s3_endpoint(
    manager: CognitoCredentialsManager, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def secret_for(region: str) -> str:
        with duckdb_secret(manager, connection, "Analyst", region_name=region):
            return str(connection.execute(SECRETS).fetchall()[0][1])

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.org/store")
    assert "endpoint=s3.example.org/store;" in (here := secret_for("us-east-1"))
    assert "url_style=path;use_ssl=true" in here
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert "endpoint=s3.eu-west-1.amazonaws.com;" in (aws := secret_for("eu-west-1"))
    assert "region=eu-west-1;" in aws
    assert "url_style=vhost;use_ssl=true" in aws
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert "endpoint=s3-fips.us-west-2.amazonaws.com;" in secret_for("us-west-2")


def test_it_shows_no_secret(manager: CognitoCredentialsManager, connection: Any) -> None:
    """Neither in DuckDB's list of secrets and its logs, nor in its errors and this package's."""
    connection.execute("CALL enable_logging(level = 'trace')")
    secret = duckdb_secret(manager, connection, "Analyst")
    keys = manager.ensure_credentials("Analyst")
    shown = [repr(secret), repr(vars(secret)), connection.execute("FROM duckdb_secrets()").fetchall()]
    shown += [connection.execute("SELECT message FROM duckdb_logs").fetchall()]
    assert "CREATE OR REPLACE TEMPORARY SECRET" in str(shown)
    connection.close()
    with pytest.raises(UnavailableError, match="DuckDB did not accept the secret") as caught:
        duckdb_secret(manager, connection, "Analyst")
    shown += [str(caught.value), repr(caught.value.__cause__)]
    assert not [secret for secret in (keys["secret_access_key"], keys["session_token"]) if secret in str(shown)]


def test_it_is_never_written_to_disk(manager: CognitoCredentialsManager, connection: Any) -> None:
    """Even where DuckDB stores secrets by default."""
    with duckdb_secret(manager, connection, "Analyst"):
        stored = connection.execute("SELECT persistent, storage FROM duckdb_secrets()").fetchall()
    assert stored == [(False, "memory")]
