"""Dask clusters on this machine whose workers are processes without this package."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws.seed import demo_objects
from tests.support.polling import TEST_TIMEOUT

from .tasks import NO_PACKAGE

if TYPE_CHECKING:
    from distributed import Client, LocalCluster


@contextmanager
def cluster_of(workers: int, folder: Path, **options: Any) -> Iterator[tuple[LocalCluster, Client]]:
    """Starts a cluster and a client of it.

    Args:
        workers: The number of processes.
        folder: The folder for the cluster's files.
        options: More options of LocalCluster.
    """
    from distributed import Client, LocalCluster

    preload = folder / "no_package.py"
    preload.write_text(NO_PACKAGE)
    settings: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "preload": [str(preload)]}
    settings |= dict.fromkeys(("dashboard_address", "worker_dashboard_address"), "127.0.0.1:0")
    settings |= {"local_directory": str(folder), **options}
    with LocalCluster(**settings) as cluster, Client(cluster, timeout=TEST_TIMEOUT) as client:
        yield cluster, client


@contextmanager
def command(name: str, folder: Path, *arguments: str) -> Iterator[psutil.Process]:
    """Starts `dask scheduler` or `dask worker`, which writes its log into the folder.

    Args:
        name: "scheduler" or "worker".
        folder: The folder.
        arguments: Its arguments.
    """
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "dask", name, *arguments], stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(TEST_TIMEOUT)


def plugins_of(client: Client) -> dict[str, bytes]:
    """Returns this package's plugins that the scheduler keeps for workers that join later."""
    plugins: dict[str, bytes] = client.run_on_scheduler(lambda dask_scheduler: dict(dask_scheduler.worker_plugins))
    return {name: blob for name, blob in plugins.items() if name.startswith("cognito")}


def size_of_data(cognito: LocalCognito) -> int:
    """Returns the size of the object that the tasks read."""
    return len(demo_objects()[cognito.data_key])
