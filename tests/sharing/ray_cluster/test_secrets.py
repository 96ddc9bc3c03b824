"""What leaves the kernel for a Ray cluster: credentials that expire, and nothing that could get new ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
import requests

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.sharing.conftest import LIFETIME
from tests.support.polling import TEST_TIMEOUT, wait_until

from . import tasks
from .clusters import CLUSTER_MARK, ON_LOOPBACK, cluster, cluster_environment, run_in_worker

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

MANAGER = {b"CognitoCredentialsManager", b"CognitoOAuthAuthenticator", b"cognito_jupyter.credentials"}
"""Names that a pickled manager would contain: its class, its authenticator's class, and its package."""
EXPECTED_PLACES = {"memory of workers"}
"""Where the credentials are, as intended."""
DASHBOARD_PATHS = (
    *("actors?detail=1", "tasks?detail=1", "runtime_envs?detail=1", "workers?detail=1", "objects?detail=1"),
    *("jobs?detail=1", "nodes?detail=1", "cluster_events?detail=1", "logs?node_ip=127.0.0.1"),
)


@pytest.fixture(scope="module")
def ray_and_folder(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """Ray with a dashboard, and the folder of its session."""
    environ = cluster_environment(local_cognito, tmp_path_factory.mktemp("ray"))
    with (
        TemporaryDirectory(prefix="ray-") as folder,
        cluster(environ, include_dashboard=True, dashboard_port=0, _temp_dir=folder) as ray,
    ):
        yield ray, Path(folder)


def test_nothing_that_leaves_the_kernel_holds_a_token_or_a_manager(
    ray_and_folder: tuple[Any, Path], cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """Searches Ray's stored data, logs, dashboard, memory, environments and arguments, after refreshes."""
    ray, folder = ray_and_folder
    cognito.knobs.credentials_seconds = LIFETIME
    secrets = pieces_of(manager)
    with sharing.ray(manager, "Analyst") as share:
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        for _ in range(2):
            ray.get(actor.read.remote(), timeout=TEST_TIMEOUT)
            run_in_worker(ray, tasks.read_by_boto3)
        manager.refresh_user_pool_tokens()
        secrets |= pieces_of(manager)
        wait_until(lambda: share.pusher.pushes >= 3, "The credentials were not refreshed.")
        cognito.knobs.credentials_seconds = 3600
        an_hour = datetime.now(UTC) + timedelta(minutes=30)
        wait_until(lambda: share.until and share.until > an_hour, "The last refresh did not happen.")
        keys = cognito.aws.issued_keys.get(run_in_worker(ray, tasks.access_key_id))
        environment = ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
        places = places_of(ray, folder)
        ray.kill(actor)
    assert keys is not None
    assert len(secrets) > 6
    assert found(secrets | MANAGER, places) == set()
    # The search finds what is there: the credentials, in the memory of the actor and of the workers alone.
    assert found({keys.secret_key.encode(), keys.session_token.encode()}, places) == EXPECTED_PLACES
    assert found({environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"].encode()}, places) == EXPECTED_PLACES
    # And each place is really searched.
    assert b"credentials-01000000" in places["dashboard"]
    assert b"WorkerSetup" in places["stored data"]
    assert b"CredentialsHolder" in places["logs"] + places["arguments"]
    assert b"raylet" in places["arguments"]
    assert b"AWS_ENDPOINT_URL" in places["environments"]
    assert b"__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR" in places["runtime environment"]


def test_the_search_finds_a_leaked_token_in_each_place(
    ray_and_folder: tuple[Any, Path], cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """Shows that the test above can fail: here a token is leaked on purpose."""
    ray, folder = ray_and_folder
    assert manager.auth_tokens is not None
    token = str(manager.auth_tokens["refresh_token"])
    leaking = ray.remote(tasks.Leak).options(name=token, runtime_env={"env_vars": {"GIVEN_AWAY": token}})
    actor = leaking.remote(token)
    ray.get(actor.child.remote(token), timeout=TEST_TIMEOUT)
    places = places_of(ray, folder, ray.get(actor.runtime_env.remote(), timeout=TEST_TIMEOUT))
    ray.kill(actor)
    assert found({token.encode()}, places) == set(places)


def pieces_of(manager: CognitoCredentialsManager) -> set[bytes]:
    """Returns the parts of the tokens, none of which may leak; the headers, which are not secret, are left out."""
    assert manager.auth_tokens is not None
    tokens = [str(manager.auth_tokens[name]) for name in ("id_token", "access_token", "refresh_token")]
    return {part.encode() for token in tokens for part in token.split(".")[1:] or [token]}


def found(pieces: set[bytes], places: dict[str, bytes]) -> set[str]:
    """Returns the places that contain one of the pieces."""
    return {place for place, content in places.items() if any(piece in content for piece in pieces)}


def places_of(ray: Any, folder: Path, runtime_env: Any = None) -> dict[str, bytes]:
    """Returns the content of each place in a cluster.

    Args:
        ray: Ray, connected.
        folder: The folder of its session.
        runtime_env: The runtime environment of a worker; None: that of a task.
    """
    processes = [each for each in psutil.Process().children(recursive=True) if is_of_ray(each)]
    servers = [each for each in processes if each.name() in {"gcs_server", "raylet"}]
    workers = [each for each in processes if each.name().startswith(("ray::", "python"))]
    assert len(servers) == 2
    assert workers
    return {
        "dashboard": dashboard_of(ray),
        "stored data": stored_data_of(ray),
        "memory of servers": b"".join(piece for each in servers for piece in memory(each.pid)),
        "memory of workers": b"".join(piece for each in workers for piece in memory(each.pid)),
        "logs": b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()),
        "environments": json.dumps([each.environ() for each in processes]).encode(),
        "arguments": json.dumps([each.cmdline() for each in processes]).encode(),
        "runtime environment": json.dumps(runtime_env or run_in_worker(ray, tasks.runtime_env)).encode(),
    }


def is_of_ray(process: psutil.Process) -> bool:
    """Whether a child process of the tests is one of Ray's, or of a process of Ray's, and still runs."""
    with suppress(psutil.NoSuchProcess):
        return CLUSTER_MARK in process.environ()
    return False


def stored_data_of(ray: Any) -> bytes:
    """Returns all keys and values that the cluster's own store holds: functions, classes, jobs, packages."""
    client = ray._private.worker.global_worker.gcs_client
    content = b""
    for namespace in (None, b"fun", b"job", b"session", b"usage_stats", b"dashboard", b"healthcheck", b"tracing"):
        for key in client.internal_kv_keys(b"", namespace):
            content += key + (client.internal_kv_get(key, namespace) or b"")
    return content


def dashboard_of(ray: Any) -> bytes:
    """Returns what the dashboard's API shows."""
    url = f"http://{ray._private.worker.get_dashboard_url()}"
    headers = {"Authorization": f"Bearer {ON_LOOPBACK['RAY_AUTH_TOKEN']}"}
    paths = [f"/api/v0/{path}" for path in DASHBOARD_PATHS]
    paths += ["/logical/actors", "/nodes?view=summary", "/api/cluster_status", "/api/jobs/", "/events"]
    content = b""
    for path in paths:
        response = requests.get(url + path, headers=headers, timeout=TEST_TIMEOUT)
        assert response.status_code in {200, 404}, (path, response.status_code, response.text)
        content += response.content
    return content


def memory(pid: int) -> Iterator[bytes]:
    """Yields the writable memory of a process, which Linux lets its parent read."""
    with Path(f"/proc/{pid}/maps").open() as regions, Path(f"/proc/{pid}/mem").open("rb", 0) as content:
        for region in regions:
            where, rights, *_ = region.split()
            start, end = (int(address, 16) for address in where.split("-"))
            # A region that has been freed since cannot be read. The object store's is large and, here, empty.
            with suppress(OSError):
                if rights.startswith("rw") and end - start < 1 << 29:
                    content.seek(start)
                    yield content.read(end - start)
