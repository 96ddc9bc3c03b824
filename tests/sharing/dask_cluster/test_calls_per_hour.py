"""How often Cognito is called for a Dask cluster, for any number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import dask
from tests.sharing.calls_per_hour import WORKERS, check, measure_calls, shorten_the_hour
from tests.support.polling import TEST_TIMEOUT, wait_until

from . import tasks
from .clusters import cluster_of
from .many_workers import worker_groups

if TYPE_CHECKING:
    from distributed import Client

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

AT_ONCE = 10
"""How many of a cluster's workers make a session at the same time."""


@pytest.mark.parametrize("workers", WORKERS)
def test_cognito_is_called_once_per_refresh_for_any_number_of_workers(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path, workers: int
) -> None:
    """All of them sign as the user. They are in two processes, each of which serves one endpoint."""
    shorten_the_hour(cognito, manager)
    with client_of(workers, tmp_path) as (client, processes):
        before = cognito.counts[LocalCognito.EXCHANGE]
        with dask(manager, client, "Analyst") as share:
            wait_until(lambda: share.pusher.workers == workers, "Not all workers have confirmed the credentials.")
            measurement = measure_calls(cognito, "Dask", workers, lambda: share.pusher.pushes)
            keys = [cognito.aws.issued_keys.get(key) for key in signing_keys(client)]
            assert [key and key.role_arn for key in keys] == [cognito.roles["Analyst"]] * workers
            assert [len(psutil.Process(process).children()) for process in processes] == [1, 1]
        assert cognito.counts[LocalCognito.EXCHANGE] - before == share.pusher.pushes
        assert share.warning is None
    check(measurement)


def signing_keys(client: Client) -> list[str]:
    """Returns the access key id with which each worker signs, of a few workers at a time.

    The workers of this cluster are threads of two processes. A hundred of these would make a session each, for longer
    than the credentials live, and keep the next push of credentials from the process.
    """
    addresses = list(client.nthreads())
    keys: list[str] = []
    for begin in range(0, len(addresses), AT_ONCE):
        some = addresses[begin : begin + AT_ONCE]
        keys += client.gather([client.submit(tasks.access_key_id, workers=[each], pure=False) for each in some])
    return keys


@contextmanager
def client_of(workers: int, folder: Path) -> Iterator[tuple[Client, list[int]]]:
    """Yields a client of a cluster with workers in two processes, and the process ids."""
    with (
        cluster_of(0, folder) as (cluster, client),
        worker_groups([workers // 2] * 2, cluster.scheduler_address, folder) as processes,
    ):
        client.wait_for_workers(workers, timeout=TEST_TIMEOUT)
        yield client, processes
