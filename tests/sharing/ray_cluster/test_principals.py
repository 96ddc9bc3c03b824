"""Whose credentials a Ray cluster has: several kernels, as jobs of one cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import ClusterRefusedError
from cognito_jupyter.local import LocalCognito
from tests.support.polling import wait_until

from . import tasks
from .clusters import NAMESPACE, cluster, cluster_environment, holders_of, run_in_worker

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ray(local_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ray, connected to a cluster of this module's."""
    with cluster(cluster_environment(local_cognito, tmp_path_factory.mktemp("ray"))) as connected:
        yield connected


@contextmanager
def other_kernel(
    ray: Any, cognito: LocalCognito, attempts: list[tuple[dict[str, str], str]], *, start_seconds: float = 0
) -> Iterator[tuple[list[dict[str, Any]], subprocess.Popen[str]]]:
    """Runs another kernel of the same cluster; yields the outcomes of its attempts, and its process.

    Args:
        ray: Ray, connected.
        cognito: The local Cognito.
        attempts: The tokens and the role of each attempt.
        start_seconds: How long each process of its job takes to start, in addition.
    """
    facts = {
        "address": ray.get_runtime_context().gcs_address,
        "pools": (cognito.identity_pool_id, cognito.user_pool_id, cognito.region),
        "attempts": attempts,
        "start_seconds": start_seconds,
    }
    program = [sys.executable, "-m", "tests.sharing.ray_cluster.other_kernel"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(facts) + "\n")
        process.stdin.flush()
        yield [json.loads(process.stdout.readline()) for _ in attempts], process
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(60)


def test_a_second_user_or_role_is_refused_and_a_second_kernel_of_the_user_is_not(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """The accepted kernel's job has a setup hook and variables of its own, which its tasks keep."""
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    mine, theirs = cognito.issue_tokens(), cognito.issue_tokens("other")
    with sharing.ray(manager, "Analyst"):
        key = run_in_worker(ray, tasks.access_key_id)
        attempts = [(theirs, "Analyst"), (mine, "Uploader"), (mine, "Analyst")]
        with other_kernel(ray, cognito, attempts) as (outcomes, _):
            assert ["another user's credentials" in each.get("error", "") for each in outcomes] == [True, True, False]
            accepted = outcomes[2]
            assert (accepted["OWN_HOOK"], accepted["COLOUR"]) == ("has run", "blue")
            assert accepted["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
            issued = cognito.aws.issued_keys.get(accepted["key"])
            assert issued is not None
            assert issued.role_arn == cognito.roles["Analyst"]
            assert len(holders_of(ray)) == 2
        # The other kernel's end leaves this one's credentials alone.
        wait_until(lambda: len(holders_of(ray)) == 1, "The ended kernel's actor is left.")
        assert run_in_worker(ray, tasks.access_key_id) == key


def test_a_killed_kernel_leaves_nothing_and_makes_room_for_another_user(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    with other_kernel(ray, cognito, [(cognito.issue_tokens("other"), "Analyst")]) as (outcomes, process):
        assert outcomes[0]["key"] is not None
        with pytest.raises(ClusterRefusedError, match="another user's credentials"):
            sharing.ray(manager, "Analyst")
        process.kill()
        wait_until(lambda: holders_of(ray) == [], "The killed kernel's actor is left.")
        with sharing.ray(manager, "Analyst"):
            assert run_in_worker(ray, tasks.read_by_boto3) > 1000


def test_a_user_is_refused_while_the_actor_of_another_kernel_does_not_respond(
    ray: Any, manager: CognitoCredentialsManager, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as one that has credentials, not as one that has ended."""
    monkeypatch.setattr("cognito_jupyter.sharing.ray_cluster.push._CLAIM_TIMEOUT", 3.0)
    cognito.add_user("other", "pass-word-1", ("Analyst",))
    with other_kernel(ray, cognito, [(cognito.issue_tokens("other"), "Analyst")]) as (outcomes, _):
        assert outcomes[0]["key"] is not None
        (name,) = holders_of(ray)
        holder = ray.get_actor(name, namespace=NAMESPACE)
        process = ray.get(holder.__ray_call__.remote(lambda _: os.getpid()))
        os.kill(process, signal.SIGSTOP)
        try:
            with pytest.raises(ClusterRefusedError, match="does not say whose"):
                sharing.ray(manager, "Analyst")
        finally:
            os.kill(process, signal.SIGCONT)


def test_a_cluster_whose_processes_take_long_to_start_accepts_the_credentials(ray: Any, cognito: LocalCognito) -> None:
    """Longer than a kernel waits for the actor of another one: a machine may be busy."""
    attempts = [(cognito.issue_tokens(), "Analyst")]
    with other_kernel(ray, cognito, attempts, start_seconds=6) as (outcomes, _):
        assert "key" in outcomes[0], outcomes
        key = cognito.aws.issued_keys.get(outcomes[0]["key"])
        assert key is not None
        assert key.role_arn == cognito.roles["Analyst"]
