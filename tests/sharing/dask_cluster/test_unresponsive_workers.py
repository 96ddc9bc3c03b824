"""One worker among others that hangs or ends at a bad moment, without an effect on the others."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import dask
from tests.sharing.conftest import LIFETIME
from tests.support.polling import TEST_TIMEOUT, wait_until

from . import tasks
from .clusters import cluster_of, plugins_of, size_of_data

pytestmark = pytest.mark.long


def test_a_hung_worker_does_not_delay_the_others(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """As in a long C call; the worker gets the credentials once it responds again."""
    cognito.knobs.credentials_seconds = LIFETIME
    with cluster_of(2, tmp_path) as (_, client), dask(manager, client, "Analyst") as share:
        hanging, other = client.run(os.getpid).items()
        process = psutil.Process(hanging[1])
        process.suspend()
        try:
            pushes, until = share.pusher.pushes, share.until
            assert until is not None
            wait_until(lambda: datetime.now(UTC) > until, "The workers' first credentials have not expired.")
            read = client.submit(tasks.read_by_boto3, 0, workers=[other[0]], pure=False)
            assert read.result(TEST_TIMEOUT) == size_of_data(cognito)
            wait_until(
                lambda: share.pusher.pushes > pushes and share.pusher.workers is None and share.warning is not None,
                "The share does not warn.",
            )
            assert isinstance(share.warning, UnavailableError)
            assert "the other workers have them" in str(share.warning)
        finally:
            process.resume()
        wait_until(lambda: share.pusher.workers == 2 and share.warning is None, "The worker does not respond again.")
        read = client.submit(tasks.read_by_boto3, 0, workers=[hanging[0]], pure=False)
        assert read.result(TEST_TIMEOUT) == size_of_data(cognito)


def test_a_worker_lost_during_the_first_push_is_tolerated(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    with cluster_of(2, tmp_path) as (_, client), ThreadPoolExecutor(1) as pool:
        victim = min(client.run(os.getpid).values())
        os.kill(victim, signal.SIGSTOP)
        opening = pool.submit(dask, manager, client, "Analyst")
        wait_until(lambda: plugins_of(client), "The scheduler has not received the plugin.")
        os.kill(victim, signal.SIGKILL)
        with opening.result(TEST_TIMEOUT) as share:
            assert share.warning is None
            assert share.pusher.workers in {1, 2}


def test_a_hung_worker_does_not_block_close(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """And the worker removes the credentials once it responds again."""
    with cluster_of(1, tmp_path) as (_, client):
        share = dask(manager, client, "Analyst")
        process = psutil.Process(next(iter(client.run(os.getpid).values())))
        process.suspend()
        try:
            share.close()
            wait_until(lambda: plugins_of(client) == {}, "The plugin is still registered.")
            wait_until(
                lambda: share.pusher.kernel_id not in [each.name for each in threading.enumerate()],
                "The thread still runs.",
            )
        finally:
            process.resume()
        wait_until(
            lambda: "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in next(iter(client.run(tasks.environment).values())),
            "The environment was not restored.",
        )
