"""A minute of tasks on a cluster whose credentials live for ten seconds."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.sharing import dask
from tests.sharing.conftest import LIFETIME, expired_signers
from tests.support.polling import TEST_TIMEOUT

from . import tasks
from .clusters import cluster_of, size_of_data

if TYPE_CHECKING:
    from distributed import Client

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

MINUTE = 60.0
EXPIRIES = 12


def test_a_minute_of_tasks_continues_while_a_worker_is_killed_and_one_is_added(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    """A dozen expiries: no task fails, no request is refused, and Cognito is called once per refresh."""
    cognito.knobs.credentials_seconds = LIFETIME
    with cluster_of(4, tmp_path) as (cluster, client):
        first = set(client.run(os.getpid).values())
        victim = min(first)
        work = Workload(client)
        cognito.aws.proxy.requests.clear()
        calls, began = cognito.counts[LocalCognito.EXCHANGE], time.time()
        with dask(manager, client, "Analyst") as share:
            work.run_for(MINUTE / 3)
            os.kill(victim, signal.SIGKILL)
            work.run_for(MINUTE / 3)
            cluster.scale(5)
            work.run_for(MINUTE / 3)
            # The added worker, and the one that Dask started in place of the killed one.
            work.run_until(lambda: len(work.readers - first) >= 2, "the two new workers have read")
            # More than these seconds on a machine that is so busy that the tasks of a lifetime read nothing.
            work.run_until(lambda: expired_signers(cognito) >= EXPIRIES, "a dozen credentials have expired")
        calls, seconds = cognito.counts[LocalCognito.EXCHANGE] - calls, time.time() - began
    assert work.sizes == {size_of_data(cognito)}
    assert work.readers > first
    requests = list(cognito.aws.proxy.requests)
    assert work.done < len(requests) < (cognito.aws.proxy.requests.maxlen or 0)
    assert [request for request in requests if request.status >= 400] == []
    # Cognito rounds to whole seconds. The kill may make one push fail, and a later one may bring other credentials.
    assert share.pusher.pushes <= calls <= share.pusher.pushes + 1
    assert calls <= seconds / (0.4 * (LIFETIME - 1)) + 1


class Workload:
    """Tasks that read S3 without a pause, two per worker.

    Args:
        client: A client of the cluster.

    Attributes:
        done: The number of finished tasks.
        sizes: The sizes that they read.
        readers: The processes in which they ran.
    """

    def __init__(self, client: Client) -> None:
        self.done = 0
        self.sizes: set[int] = set()
        self.readers: set[int] = set()
        self._client = client
        self._numbers = itertools.count()

    def run_for(self, seconds: float) -> None:
        """Runs tasks for some seconds; raises what a task raises."""
        until = time.monotonic() + seconds
        self._work_while(lambda: time.monotonic() < until)

    def run_until(self, condition: Callable[[], bool], what: str) -> None:
        """Runs tasks until a condition holds.

        Args:
            condition: Returns whether it holds.
            what: What did not happen if it never holds.
        """
        until = time.monotonic() + TEST_TIMEOUT
        self._work_while(lambda: not condition() and time.monotonic() < until)
        assert condition(), f"This did not happen: {what}"

    def _work_while(self, wanted: Callable[[], bool]) -> None:
        from distributed import as_completed

        running = as_completed([self._next() for _ in range(10)])
        for future in running:
            size, reader = future.result()
            self.done += 1
            self.sizes.add(size)
            self.readers.add(reader)
            if wanted():
                running.add(self._next())

    def _next(self) -> object:
        return self._client.submit(tasks.read, next(self._numbers), pure=False)
