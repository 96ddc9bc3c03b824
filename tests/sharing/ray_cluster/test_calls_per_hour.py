"""How often Cognito is called for a Ray cluster, for any number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.sharing.calls_per_hour import WORKERS, check, measure_calls, shorten_the_hour
from tests.support.polling import TEST_TIMEOUT, wait_until

from . import tasks
from .clusters import cluster, cluster_environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def ray(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ray, connected to a cluster of this module's."""
    with cluster(cluster_environment(local_cognito, tmp_path_factory.mktemp("ray"))) as connected:
        yield connected


@pytest.mark.parametrize("workers", WORKERS)
def test_cognito_is_called_once_per_refresh_for_any_number_of_workers(
    ray: Any, cognito: LocalCognito, manager: CognitoCredentialsManager, workers: int
) -> None:
    """The receivers of all workers are in one process: this machine cannot run 200 of Ray's."""
    shorten_the_hour(cognito, manager)
    before = cognito.counts[LocalCognito.EXCHANGE]
    with sharing.ray(manager, "Analyst") as share:
        actor = ray.remote(tasks.ManyWorkers).options(num_cpus=0).remote()
        ray.get(actor.start.remote(workers - 1), timeout=TEST_TIMEOUT)
        measurement = measure_calls(cognito, "Ray", workers, lambda: share.pusher.pushes)
        pushes = share.pusher.pushes
        wait_until(
            lambda: share.pusher.pushes > pushes and share.pusher.workers == workers,
            lambda: f"{share.pusher.workers} of {workers} workers have confirmed the credentials.",
        )
        key = cognito.aws.issued_keys.get(ray.get(actor.access_key_id.remote(), timeout=TEST_TIMEOUT))
        assert key is not None
        assert key.role_arn == cognito.roles["Analyst"]
        ray.kill(actor)
    # The first credentials may have been fetched, and replaced by longer ones, before the first push.
    assert share.pusher.pushes <= cognito.counts[LocalCognito.EXCHANGE] - before <= share.pusher.pushes + 1
    assert share.warning is None
    check(measurement)
