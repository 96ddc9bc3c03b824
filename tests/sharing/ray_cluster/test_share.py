"""One sign-in on the workers of a Ray cluster: a real raylet, real worker processes, S3 behind the proxy."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import manager_for
from tests.sharing.conftest import LIFETIME, LONG_LIFETIME, expired_signers
from tests.support.busy import BusyMeter
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.suspended import suspended

from . import tasks
from .clusters import NAMESPACE, cluster, cluster_environment, holders_of, run_in_worker, size_of_data

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

STALE = {
    "AWS_ACCESS_KEY_ID": "AKIASTALE",
    "AWS_SECRET_ACCESS_KEY": "stale",
    "AWS_PROFILE": "gone",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "intranet.example,127.0.0.1",
}
"""What may be left over in a worker's environment: each variable would stop or mislead an SDK."""
END_TIMEOUT = 30.0
"""Seconds for the end of a share to reach the workers: half of the time after which they would end it by themselves."""


@pytest.fixture(scope="module")
def ray(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ray, connected to a cluster by `ray.init()` before anything is shared."""
    environ = cluster_environment(local_cognito, tmp_path_factory.mktemp("ray"))
    with cluster(STALE | environ) as connected:
        yield connected


@pytest.fixture(autouse=True)
def nothing_is_left(ray: Any) -> Iterator[None]:
    """Each test must end its share: its actor, its thread, and what it adds to tasks."""
    from ray.remote_function import RemoteFunction

    before = RemoteFunction._remote
    yield
    wait_until(lambda: holders_of(ray) == [], "An actor with credentials is left.")
    # The thread of a share that has ended by itself ends a moment after its actor.
    wait_until(
        lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("cognito-ray")],
        "A thread is left.",
    )
    assert RemoteFunction._remote is before


def status_of(environ: dict[str, str]) -> int:
    """Returns what the endpoint that an environment names responds to a client with the token."""
    token = {"Authorization": environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
    url = environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    return requests.get(url, headers=token, timeout=TEST_TIMEOUT).status_code


# -- what a task sees


def test_tasks_read_s3_with_nothing_but_their_environment(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """Despite stale keys, a missing profile and a proxy that does not exist; `ray.init()` came first."""
    cognito.aws.proxy.requests.clear()
    with sharing.ray(manager, "Analyst"):
        assert all(run_in_worker(ray, reader) > 100 for reader in tasks.READERS)
        assert not run_in_worker(ray, tasks.package_loaded)
    seen = [request for request in cognito.aws.proxy.requests if request.service == "s3"]
    assert len(seen) >= len(tasks.READERS)
    assert {(request.role_arn, request.status // 100) for request in seen} == {(cognito.roles["Analyst"], 2)}


def test_each_worker_process_has_its_own_endpoint(ray: Any, manager: CognitoCredentialsManager) -> None:
    with sharing.ray(manager, "Analyst"):
        actors = [ray.remote(tasks.Reader).options(num_cpus=0).remote() for _ in range(2)]
        environments = ray.get([actor.environment.remote() for actor in actors], timeout=TEST_TIMEOUT)
        assert len({each["AWS_CONTAINER_CREDENTIALS_FULL_URI"] for each in environments}) == 2
        assert [status_of(each) for each in environments] == [200, 200]
        for actor in actors:
            ray.kill(actor)


def test_tasks_that_tasks_start_have_the_credentials_too(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    def start_another() -> int:
        import ray

        size: int = ray.get(ray.remote(tasks.read_by_boto3).options(num_cpus=0).remote())
        return size

    with sharing.ray(manager, "Analyst"):
        assert run_in_worker(ray, start_another) == size_of_data(cognito)


def test_a_task_keeps_its_own_runtime_environment(ray: Any, manager: CognitoCredentialsManager) -> None:
    with sharing.ray(manager, "Analyst"):
        described = ray.remote(tasks.environment).options(runtime_env={"env_vars": {"COLOUR": "red"}})
        seen = ray.get(described.remote(), timeout=TEST_TIMEOUT)
        assert seen["COLOUR"] == "red"
        assert status_of(seen) == 200


def test_an_actor_from_before_the_share_is_set_up_by_one_call(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
    with sharing.ray(manager, "Analyst") as share:
        ray.get(actor.__ray_call__.remote(share.worker_setup), timeout=TEST_TIMEOUT)
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
    ray.kill(actor)


# -- the end


def test_closing_restores_the_environment_and_leaves_no_credentials(
    ray: Any, manager: CognitoCredentialsManager
) -> None:
    share = sharing.ray(manager, "Analyst")
    actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
    during = ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
    assert "AWS_PROFILE" not in during
    assert holders_of(ray) != []
    share.close()
    share.close()
    wait_until(lambda: holders_of(ray) == [], "The actor still has credentials.")
    wait_until(lambda: status_of(during) == 403, "The endpoint still has credentials.", timeout=END_TIMEOUT)
    after = ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
    assert {name: after.get(name) for name in STALE} == STALE
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in after
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in run_in_worker(ray, tasks.environment)
    ray.kill(actor)


def test_signing_out_removes_the_credentials_from_the_workers_within_a_second(
    ray: Any, manager: CognitoCredentialsManager
) -> None:
    share = sharing.ray(manager, "Analyst")
    actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
    during = ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
    assert status_of(during) == 200
    with BusyMeter() as meter:
        signed_out_at = time.monotonic()
        manager.sign_out()
        wait_until(lambda: status_of(during) == 403, "The endpoint still has credentials.", timeout=END_TIMEOUT)
        seconds = time.monotonic() - signed_out_at
        assert seconds < meter.allowed(1.0, seconds)
    wait_until(lambda: share.closed and holders_of(ray) == [], "The actor still has credentials.")
    ray.kill(actor)


def test_the_workers_lose_the_credentials_although_the_actor_stood_still_at_the_end(
    ray: Any, manager: CognitoCredentialsManager
) -> None:
    """As on a busy machine: it is to tell the workers of the end before it is killed."""
    share = sharing.ray(manager, "Analyst")
    actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
    during = ray.get(actor.environment.remote(), timeout=TEST_TIMEOUT)
    holder = ray.get_actor(holders_of(ray)[0], namespace=NAMESPACE)
    with suspended(ray.get(holder.__ray_call__.remote(lambda _: os.getpid()), timeout=TEST_TIMEOUT)):
        share.close()
        assert status_of(during) == 200
    wait_until(lambda: status_of(during) == 403, "The endpoint still has credentials.", timeout=END_TIMEOUT)
    ray.kill(actor)


def test_another_users_sign_in_closes_the_share(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    share = sharing.ray(manager, "Analyst")
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    manager.auth_tokens = manager_for(cognito, authenticator, "other").auth_tokens
    wait_until(lambda: share.closed and holders_of(ray) == [], "The actor still has credentials.")


def test_a_client_of_an_actor_goes_on_with_the_next_share(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    with sharing.ray(manager, "Analyst") as share:
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        until = share.until
    assert until is not None
    with sharing.ray(manager, "Analyst"):
        wait_until(lambda: datetime.now(UTC) > until, "The client's first credentials have not expired.")
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
    ray.kill(actor)


# -- renewal


def test_tasks_and_actors_go_on_across_five_expiries_while_workers_are_killed_and_added(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """No read fails, no request is refused, and Cognito is called once for each renewal."""
    expiries = 5
    cognito.knobs.credentials_seconds = LIFETIME
    calls = cognito.counts[LocalCognito.EXCHANGE]
    with sharing.ray(manager, "Analyst") as share:
        read = ray.remote(tasks.read)
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        cognito.aws.proxy.requests.clear()
        began, sizes, number, victim = time.monotonic(), set(), 0, None
        readers, readers_before = set[int](), set[int]()
        # Ray adds a worker in place of the killed one when it finds the time to start a process; a busy machine may
        # need longer than a lifetime for one read.
        while victim is None or not readers > readers_before or expired_signers(cognito) < expiries:
            number += 2
            results = ray.get([read.remote(number), read.remote(number + 1)], timeout=TEST_TIMEOUT)
            sizes |= {size for size, _ in results} | {ray.get(actor.read.remote(), timeout=TEST_TIMEOUT)}
            readers |= {pid for _, pid in results}
            if victim is None and expired_signers(cognito) > 0:
                victim = ray.remote(tasks.Reader).options(num_cpus=0).remote()
                sizes.add(ray.get(victim.read.remote(), timeout=TEST_TIMEOUT))
                victim.end.remote()
                os.kill(min(readers), 9)
                readers_before = set(readers)
        ray.kill(actor)
        calls, seconds = cognito.counts[LocalCognito.EXCHANGE] - calls, time.monotonic() - began
    assert sizes == {size_of_data(cognito)}
    seen = list(cognito.aws.proxy.requests)
    assert [request for request in seen if request.status >= 400] == []
    assert share.warning is None
    # Cognito rounds to whole seconds.
    assert share.pusher.pushes <= calls <= seconds / (0.4 * (LIFETIME - 1)) + 2


def test_the_credentials_come_back_after_the_actor_that_held_them_was_killed(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """Soon, although they are not to be renewed for an hour; the running workers have theirs in between."""
    cognito.aws.proxy.requests.clear()
    with sharing.ray(manager, "Analyst"):
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        ray.kill(ray.get_actor(holders_of(ray)[0], namespace=NAMESPACE))
        wait_until(lambda: holders_of(ray) == [], "The actor was not killed.")
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        # The thread looks now, and not only after half a minute.
        manager.refresh_user_pool_tokens()
        wait_until(lambda: holders_of(ray) != [], "The actor was not created again.")
        late = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        assert ray.get(late.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        for each in (actor, late):
            ray.kill(each)
    assert {request.status for request in cognito.aws.proxy.requests if request.service == "s3"} == {200}


def test_the_share_says_how_many_workers_it_serves_and_when_a_task_last_requested_credentials(
    ray: Any, manager: CognitoCredentialsManager
) -> None:
    with sharing.ray(manager, "Analyst") as share:
        assert share.last_request is None
        began = datetime.now(UTC)
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        ray.get(actor.read.remote(), timeout=TEST_TIMEOUT)

        def looked() -> bool:
            manager.refresh_user_pool_tokens()
            return share.last_request is not None

        wait_until(looked, "No request was reported.")
        assert share.last_request is not None
        assert began <= share.last_request <= datetime.now(UTC)
        # Idle processes of earlier shares count too, as soon as they have found the actor.
        assert (share.pusher.workers or 0) >= 1
        ray.kill(actor)


def test_while_cognito_is_unreachable_the_workers_continue_and_the_share_warns(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without botocore's retries, which may last longer than the credentials live.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cognito.knobs.credentials_seconds = LONG_LIFETIME
    with sharing.ray(manager, "Analyst") as share:
        # One process for both: Ray starts another one when it finds the time, and these credentials are not renewed.
        actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        cognito.knobs.fail(LocalCognito.EXCHANGE, status=503, times=None)
        wait_until(lambda: isinstance(share.warning, UnavailableError), "The share does not warn.")
        assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
        cognito.knobs.faults.clear()
        wait_until(lambda: share.warning is None and share.pusher.pushes > 1, "The share has not recovered.")
        ray.kill(actor)


# -- one share


def test_a_second_call_returns_the_same_share_and_another_role_replaces_it(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    first = sharing.ray(manager, "Analyst")
    assert sharing.ray(manager, "Analyst") is first
    actor = ray.remote(tasks.Reader).options(num_cpus=0).remote()
    assert ray.get(actor.read.remote(), timeout=TEST_TIMEOUT) == size_of_data(cognito)
    with sharing.ray(manager, "Uploader") as second:
        assert first.closed
        assert not second.closed
        key = cognito.aws.issued_keys.get(run_in_worker(ray, tasks.access_key_id))
        assert key is not None
        assert key.role_arn == cognito.roles["Uploader"]
    ray.kill(actor)


def test_a_share_is_neither_pickled_nor_copied(ray: Any, manager: CognitoCredentialsManager) -> None:
    with sharing.ray(manager, "Analyst") as share:
        with pytest.raises(TypeError, match="belongs to the kernel"):
            pickle.dumps(share)
        with pytest.raises(TypeError):
            ray.put(share)


def test_this_kernels_environment_stays_as_it_was(ray: Any, manager: CognitoCredentialsManager) -> None:
    before = dict(os.environ)
    with sharing.ray(manager, "Analyst") as share:
        share.worker_setup()
        assert dict(os.environ) == before
