"""A hundred worker processes, each with an endpoint of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import DaskShare, dask
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.systems import needs_fork

from . import tasks
from .clusters import cluster_of
from .many_workers import worker_groups

pytestmark = [pytest.mark.long, pytest.mark.timeout(300), needs_fork]

WORKERS = 100
LIFETIME = 20.0
REFRESHES = 2


def test_a_hundred_worker_processes_get_the_credentials_of_every_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """No worker is left behind, none shares an endpoint with another, and Cognito is called once for each refresh."""
    cognito.knobs.credentials_seconds = LIFETIME
    calls = cognito.counts[LocalCognito.EXCHANGE]
    with (
        cluster_of(0, tmp_path) as (cluster, client),
        worker_groups([WORKERS], cluster.scheduler_address, tmp_path, forked=True),
    ):
        client.wait_for_workers(WORKERS, timeout=2 * TEST_TIMEOUT)
        with dask(manager, client, "Analyst") as share:
            wait_for_workers(share)
            seen: set[str] = set()
            while len(seen) <= REFRESHES:
                began = time.time()
                served = client.run(tasks.served_key)
                assert len({process for process, _, _ in served.values()}) == WORKERS
                assert len({url for _, url, _ in served.values()}) == WORKERS
                keys = {key for _, _, key in served.values()}
                issued = [cognito.aws.issued_keys[key] for key in keys]
                assert {key.role_arn for key in issued} == {cognito.roles["Analyst"]}
                assert min(key.expires for key in issued) > began
                seen |= keys
                wait_for_refresh(share)
            assert share.warning is None
        named = client.run(tasks.environment).values()
        assert not [each for each in named if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in each]
        assert cognito.counts[LocalCognito.EXCHANGE] - calls == share.pusher.pushes


def wait_for_refresh(share: DaskShare) -> None:
    """Waits until all workers have confirmed other credentials than now."""
    pushes = share.pusher.pushes
    wait_until(lambda: share.pusher.pushes > pushes, "The credentials were not refreshed.")
    wait_for_workers(share)


def wait_for_workers(share: DaskShare) -> None:
    """Waits until all workers have confirmed the last credentials."""
    wait_until(
        lambda: share.pusher.workers == WORKERS,
        lambda: f"{share.pusher.workers} workers have confirmed: {share.warning}",
    )
