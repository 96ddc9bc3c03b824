"""Ray clusters on this machine, on loopback only, whose worker processes do not have this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws.seed import demo_objects
from tests.support.polling import TEST_TIMEOUT, wait_until

from .tasks import NO_PACKAGE

NAMESPACE = "cognito_jupyter"
CLUSTER_MARK = "RAY_CLUSTER_OF_THE_TESTS"
"""A variable that only the processes of a cluster have."""

START_TIMEOUTS = {
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_worker_register_timeout_seconds": "120",
}
"""Limits for the start of Ray's processes that a busy machine meets: a node whose agents start late ends by itself."""
ON_LOOPBACK = {
    **START_TIMEOUTS,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_TOKEN": "a-token-of-the-tests",
}
"""Ray's switch for the systems where its servers listen on loopback only; no report to Ray's makers; and a token, which
Ray would store in the home directory otherwise."""


def cluster_environment(cognito: LocalCognito, folder: Path) -> dict[str, str]:
    """Returns the variables with which a cluster is started.

    Args:
        cognito: The local Cognito, with the S3 that tasks read.
        folder: The folder for a module of Python's that hides this package.
    """
    (folder / "sitecustomize.py").write_text(NO_PACKAGE)
    endpoints = {name: url for name, url in cognito.environment.items() if name.startswith("AWS_ENDPOINT_URL")}
    return {**ON_LOOPBACK, **endpoints, "PYTHONPATH": str(folder), CLUSTER_MARK: "1"}


@contextmanager
def cluster(environ: Mapping[str, str], **options: Any) -> Iterator[Any]:
    """Starts a cluster of one node and connects this process to it; yields Ray.

    Args:
        environ: The variables with which its processes start.
        options: More options of `ray.init`.
    """
    stack = ExitStack()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        import ray

        patch.setattr(ray._private.services, "get_node", _when_it_is_there(ray._private.services.get_node))
        # Ray's sockets have long names, so that pytest's folders are too deep for them.
        folder = stack.enter_context(TemporaryDirectory(prefix="ray-"))
        settings: dict[str, Any] = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}
        ray.init(address="local", **{**settings, "_temp_dir": folder, **options})
    try:
        yield ray
    finally:
        ray.shutdown()
        stack.close()


def _when_it_is_there(get_node: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of Ray's that waits until the node has started: `ray.init` gives it 30 seconds and no more."""

    def wait_for_node(*arguments: Any) -> Any:
        found: list[Any] = []

        def is_there() -> bool:
            with suppress(RuntimeError):
                found.append(get_node(*arguments))
            return bool(found)

        wait_until(is_there, "Ray's node has not started.", timeout=2 * TEST_TIMEOUT)
        return found[0]

    return wait_for_node


def size_of_data(cognito: LocalCognito) -> int:
    """Returns the size of the object that the tasks read."""
    return len(demo_objects()[cognito.data_key])


def holders_of(ray: Any) -> list[str]:
    """Returns the names of the actors that hold credentials."""
    named = ray.util.list_named_actors(all_namespaces=True)
    return [each["name"] for each in named if each["namespace"] == NAMESPACE]


def run_in_worker(ray: Any, function: Any, *arguments: Any) -> Any:
    """Returns what a function returns in a worker process.

    Args:
        ray: Ray, connected.
        function: The function.
        arguments: Its arguments.
    """
    return ray.get(ray.remote(function).remote(*arguments), timeout=TEST_TIMEOUT)
