"""Clusters as users have them: with TLS, with workers as needed, and with a scheduler that is started again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import DaskShare, dask
from tests.sharing.conftest import LIFETIME
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.ports import free_port

from . import tasks
from .clusters import cluster_of, command, plugins_of, size_of_data

if TYPE_CHECKING:
    from distributed import Client

pytestmark = pytest.mark.long


def read_past_an_expiry(client: Client, share: DaskShare) -> set[int]:
    """Returns the sizes that tasks read with the credentials of now, and then with later ones."""
    sizes = {size for size, _ in client.gather(client.map(tasks.read, range(8), pure=False))}
    until = share.until
    assert until is not None
    wait_until(lambda: datetime.now(UTC) > until, "The workers' credentials have not expired.")
    return sizes | {size for size, _ in client.gather(client.map(tasks.read, range(8), pure=False))}


def test_the_workers_of_a_cluster_with_tls_read_past_an_expiry(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    from distributed import Security

    cognito.knobs.credentials_seconds = LIFETIME
    cognito.aws.proxy.requests.clear()
    options = {"security": Security.temporary(), "protocol": "tls://"}
    with cluster_of(2, tmp_path, **options) as (_, client), dask(manager, client, "Analyst") as share:
        assert share.pusher.address.startswith("tls://")
        assert read_past_an_expiry(client, share) == {size_of_data(cognito)}
        assert (share.pusher.workers, share.warning) == (2, None)
    assert {each.status for each in cognito.aws.proxy.requests} == {200}


def test_an_adaptive_cluster_reads_as_it_grows_from_no_worker_and_after_it_has_shrunk_to_none(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    with cluster_of(0, tmp_path) as (cluster, client), dask(manager, client, "Analyst") as share:
        assert share.pusher.workers == 0
        cluster.adapt(minimum=0, maximum=2, interval="200ms", wait_count=2)
        assert client.submit(tasks.read_by_boto3, 0).result(TEST_TIMEOUT) == size_of_data(cognito)
        wait_until(lambda: not client.nthreads(), "The cluster has not shrunk to no worker.")
        assert read_past_an_expiry(client, share) == {size_of_data(cognito)}
        assert share.warning is None


def test_a_scheduler_that_is_started_again_gets_the_credentials_without_waiting_for_a_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """The workers end with their scheduler; those of the new one must not fail for the rest of an hour."""
    from distributed import Client

    port = free_port()
    with ExitStack() as stack:
        with scheduler_and_worker(port, tmp_path / "first"):
            client = stack.enter_context(Client(f"tcp://127.0.0.1:{port}", timeout=TEST_TIMEOUT))
            share = stack.enter_context(dask(manager, client, "Analyst"))
            first_plugins = plugins_of(client)
            client.wait_for_workers(1, timeout=TEST_TIMEOUT)
            assert client.submit(tasks.read_by_boto3, 0).result(TEST_TIMEOUT) == size_of_data(cognito)
        wait_until(lambda: client.status == "connecting", "The client has not noticed that the scheduler ended.")
        with scheduler_and_worker(port, tmp_path / "second"):
            wait_until(lambda: client.status == "running", "The client has not connected to the new scheduler.")
            wait_until(lambda: plugins_of(client), "The new scheduler has not received the credentials.")
            client.wait_for_workers(1, timeout=TEST_TIMEOUT)
            assert client.submit(tasks.read_by_boto3, 1).result(TEST_TIMEOUT) == size_of_data(cognito)
            wait_until(lambda: share.warning is None, lambda: f"The share still warns: {share.warning}")
            assert plugins_of(client).keys() == first_plugins.keys()
            assert not share.closed
            assert share.pusher.pushes == 1


@contextmanager
def scheduler_and_worker(port: int, folder: Path) -> Iterator[None]:
    """Runs a scheduler at a port and one worker of it, each in a process of its own."""
    folder.mkdir()
    own = ("--host", "127.0.0.1", "--no-dashboard")
    limits = ("--nworkers", "1", "--nthreads", "1", "--local-directory", str(folder))
    with (
        command("scheduler", folder, *own, "--port", str(port)),
        command("worker", folder, f"tcp://127.0.0.1:{port}", *own, *limits),
    ):
        yield
