"""One sign-in on the workers of a Dask cluster: real schedulers, real worker processes, S3 behind the proxy."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import ClusterRefusedError, SettingError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.sharing import DaskShare, dask
from tests.conftest import manager_for
from tests.sharing.conftest import LIFETIME, LONG_LIFETIME
from tests.support.busy import BusyMeter
from tests.support.polling import TEST_TIMEOUT, wait_until

from . import tasks
from .clusters import cluster_of, plugins_of, size_of_data

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

pytestmark = pytest.mark.long

STALE = {
    "AWS_ACCESS_KEY_ID": "AKIASTALE",
    "AWS_SECRET_ACCESS_KEY": "stale",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_PROFILE": "gone",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "intranet.example",
}
"""What may be left over in a worker's environment: each variable would stop or mislead an SDK."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module")
def module_cluster(local_cognito: LocalCognito, folder: Path) -> Iterator[tuple[LocalCluster, Client]]:
    endpoints = {name: url for name, url in local_cognito.environment.items() if name.startswith("AWS_ENDPOINT_URL")}
    with cluster_of(2, folder, env=STALE | endpoints) as (cluster, client):
        yield cluster, client


@pytest.fixture
def client(module_cluster: tuple[LocalCluster, Client]) -> Iterator[Client]:
    """A client of a cluster of two workers with a stale environment, which each test must leave as it was."""
    client = module_cluster[1]
    before = client.run(tasks.environment)
    yield client
    wait_until(
        lambda: client.run(tasks.environment) == before or len(before) != len(client.nthreads()),
        "The environment was not restored.",
    )


def endpoints_of(client: Client) -> dict[str, str | None]:
    """Returns the endpoint that each worker's environment names."""
    named: dict[str, dict[str, str]] = client.run(tasks.environment)
    return {worker: variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") for worker, variables in named.items()}


def processes_of(client: Client) -> list[int]:
    """Returns the workers' processes, except one that is just ending."""
    return list(client.run(os.getpid, on_error="ignore").values())


# -- what a task sees


def test_tasks_read_s3_with_nothing_but_their_environment(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """Despite stale keys, a missing profile and a proxy that does not exist."""
    with dask(manager, client, "Analyst"):
        sizes = client.gather(
            [
                *client.map(tasks.read_by_boto3, range(4), pure=False),
                *client.map(tasks.read_by_s3fs, range(4), pure=False),
            ]
        )
        assert not any(client.run(tasks.package_loaded).values())
    assert len(set(sizes)) == 1
    assert sizes[0] > 1000
    assert {request.role_arn for request in list(cognito.aws.proxy.requests)[-8:]} == {cognito.roles["Analyst"]}


def test_each_worker_has_its_own_endpoint(client: Client, manager: CognitoCredentialsManager) -> None:
    with dask(manager, client, "Analyst") as share:
        named = endpoints_of(client)
        assert share.pusher.workers == 2
    assert None not in named.values()
    assert len(set(named.values())) == 2


def test_closing_restores_the_workers_environment_and_leaves_no_credentials(
    client: Client, manager: CognitoCredentialsManager
) -> None:
    before = client.run(tasks.environment)
    share = dask(manager, client, "Analyst")
    during: dict[str, dict[str, str]] = client.run(tasks.environment)
    assert all(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] for variables in during.values())
    assert not any("AWS_ACCESS_KEY_ID" in variables or "AWS_PROFILE" in variables for variables in during.values())
    assert [get_credentials(variables)[0] for variables in during.values()] == [200, 200]
    share.close()
    share.close()
    # `close` waits five seconds for the workers, and no longer: a busy machine may need more.
    wait_until(lambda: client.run(tasks.environment) == before, "A worker's environment is not as before.")
    wait_until(
        lambda: [get_credentials(variables)[0] for variables in during.values()] == [403, 403],
        "An endpoint still serves the credentials.",
    )
    assert all("no longer does so" in get_credentials(variables)[1] for variables in during.values())
    wait_until(lambda: plugins_of(client) == {}, "The plugin is still registered.")
    wait_until(
        lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("cognito-dask")],
        "A thread is left.",
    )


def get_credentials(environ: dict[str, str]) -> tuple[int, str]:
    """Returns what an endpoint responds to a client with the token."""
    token = {"Authorization": environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
    response = requests.get(environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers=token, timeout=TEST_TIMEOUT)
    return response.status_code, response.text


def test_a_closed_share_is_not_refreshed(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    cognito.knobs.credentials_seconds = 3
    with dask(manager, client, "Analyst") as share:
        wait_until(lambda: manager._refresher.loop.running and share.until, "Nothing is refreshed.")
    wait_until(lambda: not manager._refresher.loop.running, "The role is still refreshed.")
    assert share.until is None


def test_sessions_made_by_tasks_continue_with_the_next_share(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """boto3's default session and fsspec's filesystems live as long as a worker, and use their first endpoint."""
    cognito.knobs.credentials_seconds = LIFETIME
    with dask(manager, client, "Analyst") as share:
        assert read_everywhere(client) == {size_of_data(cognito)}
        until = share.until
    assert until is not None
    with dask(manager, client, "Analyst"):
        wait_until(lambda: datetime.now(UTC) > until, "The sessions' first credentials have not expired.")
        assert read_everywhere(client) == {size_of_data(cognito)}


def test_signing_out_removes_the_credentials_from_the_workers_within_a_second(
    client: Client, manager: CognitoCredentialsManager
) -> None:
    share = dask(manager, client, "Analyst")
    during = client.run(tasks.environment).values()
    assert [get_credentials(variables)[0] for variables in during] == [200, 200]
    with BusyMeter() as meter:
        signed_out_at = time.monotonic()
        manager.sign_out()
        wait_until(lambda: [get_credentials(variables)[0] for variables in during] == [403, 403])
        seconds = time.monotonic() - signed_out_at
        assert seconds < meter.allowed(1.0, seconds)
    wait_until(lambda: share.closed and plugins_of(client) == {}, "The plugin is still registered.")
    wait_until(lambda: set(endpoints_of(client).values()) == {None}, "A worker still names an endpoint.")


def test_another_users_sign_in_closes_the_share(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    share = dask(manager, client, "Analyst")
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    manager.auth_tokens = manager_for(cognito, authenticator, "other").auth_tokens
    wait_until(lambda: share.closed and plugins_of(client) == {}, "The plugin is still registered.")


def test_tasks_that_run_while_the_keys_are_replaced_never_see_a_gap(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    with dask(manager, client, "Analyst") as share:
        first = endpoints_of(client)
        until = time.monotonic() + TEST_TIMEOUT
        while share.pusher.pushes < 4 and time.monotonic() < until:
            client.gather(client.map(tasks.read_by_boto3, range(4), pure=False))
            assert endpoints_of(client) == first
        assert share.pusher.pushes >= 4
        assert share.warning is None
    assert 400 not in {request.status for request in cognito.aws.proxy.requests}


# -- workers that come and go


def test_late_and_replaced_workers_get_the_credentials(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    with cluster_of(1, tmp_path) as (cluster, client), dask(manager, client, "Analyst") as share:
        cluster.scale(2)
        client.wait_for_workers(2, timeout=TEST_TIMEOUT)
        victim = processes_of(client)[0]
        folders = {
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] for variables in client.run(tasks.environment).values()
        }
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(set(processes_of(client)) - {victim}) == 2, "There is no new worker.")
        assert read_everywhere(client) == {size_of_data(cognito)}
        assert share.pusher.pushes == 1
        wait_until(
            lambda: sum(Path(path).exists() for path in folders) == 1, "The killed worker's token file still exists."
        )


def read_everywhere(client: Client) -> set[int]:
    """Returns what a task reads on each worker. Client.run would block the worker's event loop, and so the pushes."""
    workers = list(client.run(os.getpid, on_error="ignore"))
    reads = [client.submit(tasks.read_by_boto3, 0, workers=[worker], pure=False) for worker in workers]
    return set(client.gather(reads))


def test_workers_in_the_client_process_use_what_is_shared_here(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """The environment is the kernel's: over inproc://, and over tcp:// with workers that are threads."""
    endpoints = set()
    for protocol in ("inproc://", "tcp://"):
        before = dict(os.environ)
        options: dict[str, Any] = {"processes": False, "protocol": protocol, "preload": []}
        with cluster_of(1, tmp_path, **options) as (_, client), dask(manager, client, "Analyst"):
            assert client.submit(os.getpid, pure=False).result(TEST_TIMEOUT) == os.getpid()
            endpoints.add(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            key = cognito.aws.issued_keys[client.submit(tasks.access_key_id, pure=False).result(TEST_TIMEOUT)]
            assert key.role_arn == cognito.roles["Analyst"]
        assert dict(os.environ) == before
    assert len(endpoints) == 1


# -- what this process sees


def test_this_process_reads_too_until_the_share_is_closed(client: Client, manager: CognitoCredentialsManager) -> None:
    """`dd.read_csv` looks at the beginning of the file in the process of the client."""
    before = dict(os.environ)
    with dask(manager, client, "Analyst"):
        assert tasks.read_by_boto3(0) == tasks.read_by_s3fs(0) > 1000
    assert dict(os.environ) == before


def test_a_role_that_is_shared_here_already_stays(client: Client, manager: CognitoCredentialsManager) -> None:
    with sharing.share(manager, ["Uploader"]):
        before = dict(os.environ)
        with dask(manager, client, "Analyst"):
            assert dict(os.environ) == before
        assert dict(os.environ) == before


def test_the_share_says_when_a_task_last_requested_credentials(
    client: Client, manager: CognitoCredentialsManager
) -> None:
    """Of the second share of a cluster too, and of a request that follows the last report at once."""
    for _ in range(2):
        with dask(manager, client, "Analyst") as share:
            assert share.last_request is None
            request_credentials(client, share)
            request_credentials(client, share)


def request_credentials(client: Client, share: DaskShare) -> None:
    """Has a task request credentials, and waits until the share says so."""
    began = datetime.now(UTC)
    # By a new session: boto3's default session may still have the credentials of another test.
    client.submit(tasks.access_key_id, pure=False).result(TEST_TIMEOUT)
    wait_until(lambda: share.last_request and share.last_request >= began, "No request was reported.")
    assert share.last_request is not None
    assert share.last_request <= datetime.now(UTC)


# -- whose credentials, and for how long


def test_a_second_principal_is_refused_and_the_first_is_unaffected(
    client: Client,
    module_cluster: tuple[LocalCluster, Client],
    manager: CognitoCredentialsManager,
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    """Another user, and the same user in another role; by the scheduler's metadata and by the workers themselves."""
    from distributed import Client

    cognito.add_user("other", "pass-word-1", ("Analyst",))
    other = manager_for(cognito, authenticator, "other")
    with dask(manager, client, "Analyst"), Client(module_cluster[0], timeout=TEST_TIMEOUT) as second:
        reader = client.run(tasks.access_key_id)
        for attempt in range(2):
            with pytest.raises(ClusterRefusedError, match="another user's credentials"):
                dask(other, second, "Analyst")
            with pytest.raises(ClusterRefusedError, match="another role's"):
                dask(manager, second, "Uploader")
            if attempt == 0:
                assert second.get_metadata("cognito_jupyter")["principal"]
                second.set_metadata("cognito_jupyter", None)
        assert client.run(tasks.access_key_id) == reader
        assert len(plugins_of(client)) == 1


def test_two_notebooks_of_a_user_share_a_cluster_and_either_may_close(
    client: Client,
    module_cluster: tuple[LocalCluster, Client],
    manager: CognitoCredentialsManager,
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    from distributed import Client

    with dask(manager, client, "Analyst"):
        named = endpoints_of(client)
        with (
            Client(module_cluster[0], timeout=TEST_TIMEOUT) as second,
            dask(manager_for(cognito, authenticator), second, "Analyst"),
        ):
            assert endpoints_of(client) == named
        assert endpoints_of(client) == named
        assert read_everywhere(client) == {size_of_data(cognito)}


def test_a_second_call_returns_the_same_share_and_another_role_replaces_it(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    first = dask(manager, client, "Analyst")
    assert dask(manager, client, "Analyst") is first
    with dask(manager, client, "Uploader") as second:
        assert first.closed
        assert not second.closed
        keys = [cognito.aws.issued_keys.get(key) for key in client.run(tasks.access_key_id).values()]
        assert {key and key.role_arn for key in keys} == {cognito.roles["Uploader"]}


KERNEL = """
import json, sys
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.sharing import DaskShare, dask
from distributed import Client
pool, user_pool, region, tokens, scheduler = json.loads(sys.stdin.readline())
client = Client(scheduler)
dask(CognitoCredentialsManager(pool, user_pool, region, tokens), client, "Analyst")
print("shared", flush=True)
sys.stdin.read()
"""


def test_credentials_of_a_killed_kernel_expire_and_make_room(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, tmp_path: Path
) -> None:
    """A worker that joins late ignores expired credentials, and another user may share."""
    cognito.knobs.credentials_seconds = LIFETIME
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    with cluster_of(1, tmp_path) as (cluster, client):
        kernel = subprocess.Popen(
            [sys.executable, "-c", KERNEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert kernel.stdin is not None
        assert kernel.stdout is not None
        issued = cognito.issue_tokens("other")
        start = [cognito.identity_pool_id, cognito.user_pool_id, cognito.region, issued, cluster.scheduler_address]
        kernel.stdin.write(json.dumps(start) + "\n")
        kernel.stdin.flush()
        assert kernel.stdout.readline() == "shared\n"
        kernel.kill()
        kernel.communicate()
        assert None not in endpoints_of(client).values()
        assert len(plugins_of(client)) == 1
        until = client.get_metadata("cognito_jupyter")["until"]
        wait_until(lambda: time.time() > until, "The credentials have not expired.")
        cluster.scale(2)
        client.wait_for_workers(2, timeout=TEST_TIMEOUT)
        assert sum(named is None for named in endpoints_of(client).values()) == 1
        cognito.knobs.credentials_seconds = 3600
        with dask(manager_for(cognito, authenticator), client, "Analyst"):
            assert read_everywhere(client) == {size_of_data(cognito)}


# -- what goes wrong


def test_while_cognito_is_unreachable_the_workers_continue_and_the_share_warns(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without botocore's retries, which may last longer than the credentials live.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cognito.knobs.credentials_seconds = LONG_LIFETIME
    with dask(manager, client, "Analyst") as share:
        cognito.knobs.fail(LocalCognito.EXCHANGE, status=503, times=None)
        wait_until(lambda: isinstance(share.warning, UnavailableError), "The share does not warn.")
        assert read_everywhere(client) == {size_of_data(cognito)}
        cognito.knobs.faults.clear()
        wait_until(lambda: share.warning is None and share.pusher.pushes > 1, "The share has not recovered.")


def test_a_workers_killed_endpoint_serves_again_at_its_address(
    client: Client, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    with dask(manager, client, "Analyst"):
        named = endpoints_of(client)
        for pid in client.run(os.getpid).values():
            for child in psutil.Process(pid).children():
                child.kill()
        assert read_everywhere(client) == {size_of_data(cognito)}
        assert endpoints_of(client) == named


def test_closing_the_client_closes_the_share(
    module_cluster: tuple[LocalCluster, Client], manager: CognitoCredentialsManager
) -> None:
    from distributed import Client

    with Client(module_cluster[0], timeout=TEST_TIMEOUT) as second:
        share = dask(manager, second, "Analyst")
        share.close()
        share = dask(manager, second, "Analyst")
        thread = next(thread for thread in threading.enumerate() if thread.name == share.pusher.kernel_id)
    manager.refresh_user_pool_tokens()
    thread.join(TEST_TIMEOUT)
    assert share.closed
    module_cluster[1].unregister_worker_plugin(share.pusher.kernel_id)


def test_a_closed_client_is_refused_with_a_remedy(
    module_cluster: tuple[LocalCluster, Client], manager: CognitoCredentialsManager
) -> None:
    from distributed import Client

    with Client(module_cluster[0], timeout=TEST_TIMEOUT) as second:
        pass
    with pytest.raises(UnavailableError, match="the client is closed"):
        dask(manager, second, "Analyst")


def test_an_asynchronous_client_is_refused_in_its_own_event_loop(
    module_cluster: tuple[LocalCluster, Client], manager: CognitoCredentialsManager
) -> None:
    import asyncio

    from distributed import Client

    async def cell() -> None:
        async with Client(module_cluster[0].scheduler_address, asynchronous=True) as second:
            with pytest.raises(SettingError, match="asynchronous"):
                dask(manager, second, "Analyst")
            share = await asyncio.to_thread(dask, manager, second, "Analyst")
            await asyncio.to_thread(share.close)

    asyncio.run(cell())


def test_a_share_is_neither_pickled_nor_copied(client: Client, manager: CognitoCredentialsManager) -> None:
    with dask(manager, client, "Analyst") as share:
        with pytest.raises(TypeError, match="belongs to the kernel"):
            pickle.dumps(share)
        with pytest.raises(Exception, match="Could not serialize"):
            client.submit(str, share).result(TEST_TIMEOUT)
